// A client whose COMMITs are held before their answers are passed on.
import type { TestContext } from 'node:test'
import type { SqlDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import type { PrismaClient } from '../../prisma/client/sqlite/client.js'
import { aroundCommit } from './around-commit.js'
import type { TestDatabase } from './databases.js'
import { disconnect } from './prisma-version.js'
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
  const client = await newClientWith(db, aroundCommit(db.newAdapter(), { after: hold }), t)
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
  t.after(() => disconnect(client))
  return client
}
