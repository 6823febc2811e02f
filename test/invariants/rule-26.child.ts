// Run by rule-26.test.ts, on SQLite: commits a row with three tasks, of which the first runs when this process is killed.
import { PrismaLibSql } from '@prisma/adapter-libsql'
import { PrismaClient } from '../../prisma/client/sqlite/client.js'
import { createAfterCommit, defineTask, prismaFailureLog } from '../../src/index.js'
import { insert } from '../support/watched.js'

const client = new PrismaClient({ adapter: new PrismaLibSql({ url: process.argv[2] ?? '' }) })
const afterCommit = createAfterCommit({ concurrency: 1, failureLog: prismaFailureLog(() => client) })
const prisma = afterCommit.watch(client)
const mail = defineTask('mail', (_to: string) => new Promise(() => void process.send?.('started')))

await prisma.$transaction(async (tx) => {
  await insert(tx, 'committed')
  for (const to of ['ada', 'bob', 'eve']) afterCommit(mail, to)
})
