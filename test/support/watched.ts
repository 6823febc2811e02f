// One instance, one watched client, and what became of everything that was registered.
//
//   const { prisma, both, outcome } = watched(db)
//   await prisma.$transaction((tx) => both(tx, 'a'))
//   assert.deepEqual(await outcome(), { ran: ['a'], rows: ['a'] })
import type { Prisma, PrismaClient } from '../../prisma/client/sqlite/client.js'
import {
  type AfterCommit,
  type AfterCommitFunction,
  type AfterCommitOptions,
  createAfterCommit,
  type TaskHandle,
  type TaskStatus,
} from '../../src/index.js'
import { contextOptions } from './context.js'
import type { TestDatabase } from './databases.js'
import { type RecordingLogger, recordingLogger } from './recorders.js'

/** The client inside a transaction. */
export type Tx = Prisma.TransactionClient

/** Anything that has the shop's users: a client, a transaction, an extended one. */
export interface HasUsers {
  user: { create(args: { data: { email: string; name: string } }): PromiseLike<{ id: number }> }
}

export interface Watched {
  readonly afterCommit: AfterCommit
  /** The client that was given to `watch`. */
  readonly base: PrismaClient
  readonly prisma: PrismaClient
  /** Names of the tasks that ran, in the order in which they started. */
  readonly ran: string[]
  /** `discarded a`, in the order of the events; without `accepted` and `started`. */
  readonly events: string[]
  readonly log: RecordingLogger
  /** Registers a task that writes its name down when it runs. */
  readonly task: (name: string, register?: AfterCommitFunction) => TaskHandle
  /** A row and a task of the same name: in the end there must be both or neither. */
  readonly both: (tx: HasUsers, name: string) => Promise<TaskHandle>
  /** The tasks that ran and the rows that another connection sees, once nothing is pending. */
  readonly outcome: () => Promise<{ ran: string[]; rows: string[] }>
}

export const statuses = [
  'succeeded',
  'failed',
  'rejected',
  'dropped',
  'interrupted',
  'cancelled',
  'discarded',
  'unknown',
] as const satisfies readonly TaskStatus[]

const clients = new WeakMap<TestDatabase, PrismaClient>()

/** One client for all tests of a database: another instance of the library watches it each time. */
export function sharedClient(db: TestDatabase): PrismaClient {
  let client = clients.get(db)
  if (!client) clients.set(db, (client = db.newClient({ transactionOptions: patient })))
  return client
}

/** No transaction runs into its limits because the machine is busy. */
export const patient = { maxWait: 20_000, timeout: 20_000 }

export function watched(db: TestDatabase, options: AfterCommitOptions = {}, base = sharedClient(db)): Watched {
  const ran: string[] = []
  const events: string[] = []
  const log = recordingLogger()
  const afterCommit = createAfterCommit({ ...contextOptions(), retry: false, logger: log, ...options })
  for (const status of statuses) afterCommit.on(status, ({ task }) => events.push(`${status} ${task.name}`))
  const task = (name: string, register: AfterCommitFunction = afterCommit): TaskHandle =>
    register(name, () => void ran.push(name))
  return {
    afterCommit,
    base,
    prisma: afterCommit.watch(base),
    ran,
    events,
    log,
    task,
    async both(tx, name) {
      await insert(tx, name)
      return task(name)
    },
    async outcome() {
      await afterCommit.idle()
      return { ran, rows: await rowsOf(db) }
    },
  }
}

export function insert(client: HasUsers, email: string): PromiseLike<{ id: number }> {
  return client.user.create({ data: { email, name: email } })
}

/** The users that another connection sees, oldest first. */
export async function rowsOf(db: TestDatabase): Promise<string[]> {
  const rows = await db.query<{ email: string }>('SELECT "email" FROM "User" ORDER BY "id"')
  return rows.map(({ email }) => email)
}
