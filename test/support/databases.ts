// One real database per suite: created before its first test, dropped after its last.
//
//   forEachDatabase((db) => {
//     test('drops the task of a transaction that rolls back', async () => {
//       const prisma = db.newClient()
//       ...
//       assert.deepEqual(await db.query('SELECT id FROM "Order"'), [])
//     })
//   })
import { after, before, describe, test } from 'node:test'
import type { SqlDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import type { Prisma, PrismaClient } from '../../prisma/client/sqlite/client.js'
import { migrationsOf } from '../../prisma/migrate.js'
import type { Provider } from '../../prisma/providers.js'
import { disconnect } from './prisma-version.js'
import { prefix, servers, unavailable, type Database, type DatabaseName, type Row, type Server } from './servers.js'

export interface TestDatabase {
  readonly name: DatabaseName
  readonly provider: Provider
  /** The address of this database, for another process. */
  readonly url: string
  /** A new Prisma client with its own connections; disconnected after the last test. */
  newClient<Log extends Prisma.LogLevel = never>(options?: ClientOptions<Log>): PrismaClient<Log>
  /** A driver adapter to this database, for a client that is made in another way. */
  newAdapter(connections?: number): SqlDriverAdapterFactory
  /** Rows that another connection sees. `?` stands for a parameter and "Order" for a name on every database. */
  query<R extends object = Row>(sql: string, ...params: unknown[]): Promise<R[]>
  /** One or more statements on another connection. */
  execute(sql: string): Promise<void>
  /** Deletes all rows of all tables. It waits for open transactions; on SQLite it fails instead. */
  reset(): Promise<void>
}

export interface ClientOptions<Log extends Prisma.LogLevel> {
  log?: { level: Log; emit: 'event' }[]
  transactionOptions?: NonNullable<Prisma.PrismaClientOptions['transactionOptions']>
  /** Size of the pool (25). SQLite has one connection for each open transaction. */
  connections?: number
}

let created = 0

export function forEachDatabase(
  suite: (db: TestDatabase) => void,
  { only = ['sqlite', 'postgresql', 'mariadb'] }: { only?: readonly DatabaseName[] } = {},
): void {
  for (const server of servers) {
    if (!only.includes(server.name)) continue
    describe(server.name, () => suiteOn(server, suite))
  }
}

const reasons = new Map(await Promise.all(servers.map(async (server) => [server, await unavailable(server)] as const)))

function suiteOn(server: Server, suite: (db: TestDatabase) => void): void {
  const reason = reasons.get(server)
  if (reason !== undefined) {
    const skip = process.env['CI'] === 'true' ? false : reason
    test('needs its server', { skip }, () => {
      throw new Error(reason)
    })
    return
  }

  let opened: { database: Database; Client: typeof PrismaClient } | undefined
  const clients: { $disconnect(): Promise<void> }[] = []
  const open = () => {
    if (!opened) throw new Error('The database is created before the first test: use it in a test or a hook')
    return opened
  }

  before(async () => {
    const { PrismaClient: Client } = await clientsOf[server.provider]()
    const database = await server.create(`${prefix}${process.pid}_${++created}`)
    opened = { database, Client }
    for (const { migrationFile } of migrationsOf(server.provider).migrationDirectories) {
      if (migrationFile.content.tag === 'ok') await database.execute(migrationFile.content.value)
    }
  })

  suite({
    name: server.name,
    provider: server.provider,
    get url() {
      return open().database.url
    },
    newClient<Log extends Prisma.LogLevel>({ connections = 25, ...options }: ClientOptions<Log> = {}) {
      const { database, Client } = open()
      const client = new Client({ ...options, adapter: database.newAdapter(connections) })
      clients.push(client)
      return client as unknown as PrismaClient<Log>
    },
    newAdapter: (connections = 25) => open().database.newAdapter(connections),
    query: async <R extends object>(sql: string, ...params: unknown[]) =>
      (await open().database.query(sql, params)) as R[],
    execute: (sql) => open().database.execute(sql),
    reset: () => open().database.empty(),
  })

  after(async () => {
    await Promise.allSettled(clients.map(disconnect))
    await opened?.database.close()
  })
}

/** The three clients have the same models, so tests use them through the type of one. Loaded when needed: each is big. */
const clientsOf: Record<Provider, () => Promise<{ PrismaClient: typeof PrismaClient }>> = {
  sqlite: () => import('../../prisma/client/sqlite/client.js'),
  postgresql: () => import('../../prisma/client/postgresql/client.js') as Promise<never>,
  mysql: () => import('../../prisma/client/mysql/client.js') as Promise<never>,
}
