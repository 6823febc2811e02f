import { randomInt } from 'node:crypto'
import { prisma } from '../after-commit.js'
import { sendSmsAsync } from '../clients/sms.js'
import { ConflictError, NotFoundError, TooManyRequestsError } from '../errors.js'
import { requestId } from '../request-context.js'

const minutes = 60_000
const openCodesAllowed = 3

/** Sends a verification code by SMS, at most three that are still good. */
export async function requestCode(userId: number): Promise<{ expiresAt: Date }> {
  return prisma.$transaction(async (tx) => {
    const user = await tx.user.findUnique({ where: { id: userId } })
    if (user === null) throw new NotFoundError(`There is no user ${userId}`)
    if (user.phone === null) throw new ConflictError(`User ${userId} has no phone number`)

    const now = Date.now()
    const data = {
      requestId: requestId(),
      userId,
      code: String(randomInt(100_000, 1_000_000)),
      expiresAt: new Date(now + 10 * minutes),
    }
    await tx.verificationCode.create({ data })
    sendSmsAsync({ requestId: data.requestId, phone: user.phone, text: `Your code is ${data.code}` })

    // Counted after the insert, so that this row is among them.
    const open = await tx.verificationCode.count({ where: { userId, usedAt: null, expiresAt: { gt: new Date(now) } } })
    if (open > openCodesAllowed)
      throw new TooManyRequestsError(`User ${userId} has ${openCodesAllowed} codes that are still good`)
    return { expiresAt: data.expiresAt }
  })
}
