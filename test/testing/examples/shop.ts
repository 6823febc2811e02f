// file: shop.ts
import { PrismaLibSql } from '@prisma/adapter-libsql'
import { createAfterCommit, defineTask } from 'after-commit'
import { PrismaClient } from '../../../prisma/client/sqlite/client.js'

export const afterCommit = createAfterCommit()
const adapter = new PrismaLibSql({ url: process.env['DATABASE_URL'] ?? 'file:shop.db' })
export const prisma = afterCommit.watch(new PrismaClient({ adapter }))

export const mail = { welcome: async (to: string) => console.log(`mail to ${to}`) }
const sendWelcome = defineTask('welcome', ({ to }: { to: string }) => mail.welcome(to))

export async function signUp(email: string, db = prisma): Promise<void> {
  await db.$transaction(async (tx) => {
    await tx.user.create({ data: { email, name: email } })
    afterCommit(sendWelcome, { to: email })
  })
}
