// A real driver adapter whose COMMIT can be held, before it is sent or before its answer is passed on.
import type { TestContext } from 'node:test'
import type { SqlDriverAdapter, SqlDriverAdapterFactory, SqlQuery, Transaction } from '@prisma/driver-adapter-utils'
import type { PrismaClient } from '../../prisma/client/sqlite/client.js'
import type { TestDatabase } from './databases.js'
import { patient } from './watched.js'
import { deferred } from './wait.js'

export interface HeldCommit {
  readonly client: PrismaClient
  /** Resolves when a COMMIT has been answered by the database, or refused, and its answer is being held. */
  readonly answered: Promise<void>
  /** Passes the answer on. */
  readonly release: () => void
}

/** A client whose COMMITs are answered only when the test says so. */
export async function clientWithHeldCommit(db: TestDatabase, t: TestContext): Promise<HeldCommit> {
  const answered = deferred()
  const released = deferred()
  const hold = async (): Promise<void> => {
    answered.resolve()
    await released.promise
  }
  const client = await newClientWith(db, holding(db.newAdapter(), hold), t)
  return { client, answered: answered.promise, release: () => released.resolve() }
}

/** A client over any adapter to the same kind of database, disconnected when the test ends. */
export async function newClientWith(
  db: TestDatabase,
  adapter: SqlDriverAdapterFactory,
  t: TestContext,
): Promise<PrismaClient> {
  const { PrismaClient: Client } = (await import(`../../prisma/client/${db.provider}/client.js`)) as {
    PrismaClient: typeof PrismaClient
  }
  const client = new Client({ adapter, transactionOptions: patient })
  t.after(() => client.$disconnect())
  return client
}

function holding(factory: SqlDriverAdapterFactory, hold: () => Promise<void>): SqlDriverAdapterFactory {
  return {
    provider: factory.provider,
    adapterName: factory.adapterName,
    connect: async () => {
      const adapter = await factory.connect()
      return override(adapter, {
        startTransaction: async (...args: Parameters<SqlDriverAdapter['startTransaction']>) =>
          holdingTransaction(await adapter.startTransaction(...args), hold),
      })
    },
  }
}

/** Some adapters are told to commit, others get the statement and then only release their connection. */
function holdingTransaction(tx: Transaction, hold: () => Promise<void>): Transaction {
  return override(tx, {
    commit: async () => {
      try {
        await tx.commit()
      } finally {
        if (tx.options.usePhantomQuery) await hold()
      }
    },
    executeRaw: async (query: SqlQuery) => {
      try {
        return await tx.executeRaw(query)
      } finally {
        if (query.sql === 'COMMIT') await hold()
      }
    },
  })
}

/** The same object with some methods replaced; the others keep their `this`, which has private fields. */
function override<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get(_, key) {
      const value: unknown = Reflect.get(key in methods ? methods : target, key)
      return typeof value === 'function' && !(key in methods) ? (value.bind(target) as unknown) : value
    },
  })
}
