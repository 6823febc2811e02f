// Run by race.test.ts, twice at the same time: retries what the other one retries, and says what it got.
import { once } from 'node:events'
import { PrismaLibSql } from '@prisma/adapter-libsql'
import { PrismaMariaDb } from '@prisma/adapter-mariadb'
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient } from '../../prisma/client/sqlite/client.js'
import { PrismaClient as MysqlClient } from '../../prisma/client/mysql/client.js'
import { PrismaClient as PostgresqlClient } from '../../prisma/client/postgresql/client.js'
import { createAfterCommit, defineTask, NotRetryableError, prismaFailureLog } from '../../src/index.js'

const [provider, url = '', how, ...ids] = process.argv.slice(2)
const clients: Record<string, () => { $disconnect(): Promise<void> }> = {
  // The other process may hold the only lock there is.
  sqlite: () => new PrismaClient({ adapter: new PrismaLibSql({ url, timeout: 20_000 }) }),
  postgresql: () => new PostgresqlClient({ adapter: new PrismaPg({ connectionString: url }) }),
  mysql: () => new MysqlClient({ adapter: new PrismaMariaDb(url) }),
}
const client = clients[provider ?? '']?.()
if (!client) throw new Error(`No client for ${provider}`)

const ran: string[] = []
const races = defineTask('races', (failure: string) => void ran.push(failure))
const afterCommit = createAfterCommit({ failureLog: prismaFailureLog(() => client), tasks: [races] })
await afterCommit.failures.list({ limit: 1 }) // connected, and the query is compiled

const go = once(process, 'message')
process.send?.('ready')
await go

let refused = 0
if (how === 'retry') {
  await Promise.all(
    ids.map(async (id) => {
      try {
        await afterCommit.failures.retry(id)
      } catch (error) {
        if (!(error instanceof NotRetryableError)) throw error
        refused++
      }
    }),
  )
} else {
  const { skipped } = await afterCommit.failures.retryAll()
  refused = skipped.length
}
await afterCommit.idle()
await client.$disconnect()
await new Promise((resolve) => process.send?.({ ran, refused }, resolve))
process.disconnect()
