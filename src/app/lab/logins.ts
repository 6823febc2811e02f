import { defineTask, type DefineTaskOptions } from '../../index.js'
import type { PrismaClient, Transaction } from '../database.js'
import { post } from '../tasks/post.js'

/** What the points service is told of a login. */
export interface Login {
  readonly requestId: string
}

/** The task of a login: tells the points service of it. */
export const tellPoints = (url: string, options: DefineTaskOptions<Login, Login> = {}) =>
  defineTask('give-points', (login: Login, context) => post(url, login, context), options)

/** The transaction of a login: a row, and whatever belongs to it. */
export async function logIn(
  prisma: PrismaClient,
  { userId, requestId }: { userId: number; requestId: string },
  more: (login: Login, tx: Transaction) => unknown,
): Promise<void> {
  await prisma.$transaction(async (tx) => {
    await tx.pointEntry.create({ data: { userId, amount: 1, reason: 'login', requestId } })
    await more({ requestId }, tx)
  })
}

/** `login-1`, `login-2`, … */
export const requestIds = (count: number): string[] => Array.from({ length: count }, (_, index) => `login-${index + 1}`)
