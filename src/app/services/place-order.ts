import { prisma } from '../after-commit.js'
import { sendPushAsync } from '../clients/push.js'
import { ConflictError, NotFoundError } from '../errors.js'
import { requestId } from '../request-context.js'
import { conflictIfTaken } from '../unique.js'
import type { Transaction } from '../database.js'

/** Who buys a course learns in it, and its seller gets a push message. The last seat is sold once. */
export async function placeOrder(buyerId: number, courseId: number): Promise<{ orderId: number }> {
  return prisma.$transaction(async (tx) => {
    const order = await createOrder(tx, buyerId, courseId)
    await tx.enrollment
      .create({ data: { userId: buyerId, courseId } })
      .catch(conflictIfTaken(`User ${buyerId} has course ${courseId} already`))
    await takeSeat(tx, courseId)
    return { orderId: order.id }
  })
}

async function createOrder(tx: Transaction, buyerId: number, courseId: number): Promise<{ id: number }> {
  const course = await tx.course.findUnique({ where: { id: courseId } })
  if (course === null || course.publishedAt === null) throw new NotFoundError(`There is no course ${courseId} to buy`)
  const buyer = await tx.user.findUnique({ where: { id: buyerId } })
  if (buyer === null) throw new NotFoundError(`There is no user ${buyerId}`)

  const order = { requestId: requestId(), buyerId, sellerId: course.authorId, courseId, amount: course.price }
  // Said here, where seller and title are known. Whether the order stands is decided later, by the caller; if it does
  // not, no message leaves the house.
  sendPushAsync({ requestId: order.requestId, userId: course.authorId, text: `${buyer.name} bought ${course.title}` })
  return tx.order.create({ data: order })
}

async function takeSeat(tx: Transaction, courseId: number): Promise<void> {
  const { count } = await tx.course.updateMany({
    where: { id: courseId, seatsLeft: { gt: 0 } },
    data: { seatsLeft: { decrement: 1 } },
  })
  if (count === 0) throw new ConflictError(`Course ${courseId} is sold out`)
}
