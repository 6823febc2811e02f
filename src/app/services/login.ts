import { prisma } from '../after-commit.js'
import { NotFoundError } from '../errors.js'
import { earnPoints } from './earn-points.js'

/** A login earns points. (The check of a password is left out: it has nothing to do with transactions.) */
export async function login(email: string): Promise<{ userId: number; name: string }> {
  return prisma.$transaction(async (tx) => {
    const user = await tx.user.findUnique({ where: { email } })
    if (user === null) throw new NotFoundError(`There is no user ${email}`)
    await tx.user.update({ where: { id: user.id }, data: { lastLogin: new Date() } })
    await earnPoints(tx, user.id, 1, 'login')
    return { userId: user.id, name: user.name }
  })
}
