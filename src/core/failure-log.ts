import { inspect } from 'node:util'
import type { Task, TaskOutcome } from './task.js'

/** The statuses of a failure that nobody has dealt with yet. */
export const openStatuses = ['failed', 'rejected', 'interrupted', 'unknown'] as const

/**
 *   failed, rejected, interrupted, unknown ──retry──▶ retried
 *                                       └──resolve──▶ resolved
 */
export type FailureStatus = (typeof openStatuses)[number] | 'retried' | 'resolved'

/** One task that did not succeed: a row of the failure log. */
export interface FailureRecord {
  /** The task's id. */
  readonly id: string
  readonly task: string
  /** JSON text, empty for a defined task without a payload; null for a closure, which cannot be run again. */
  readonly payload: string | null
  readonly status: FailureStatus
  readonly errorName: string | null
  readonly errorMessage: string | null
  readonly errorStack: string | null
  readonly attempts: number
  readonly requestId: string | null
  /** The failure that this task was a retry of. */
  readonly retryOf: string | null
  readonly registeredAt: Date
  readonly lastAttemptAt: Date | null
  readonly recordedAt: Date
}

/** What a store is asked for; all conditions hold together. */
export interface FailureQuery {
  readonly status?: readonly FailureStatus[] | undefined
  readonly task?: string | undefined
  /** Recorded then or later. */
  readonly since?: Date | undefined
  /** Recorded before that. */
  readonly until?: Date | undefined
  /** By the time of recording, then by id. */
  readonly order: 'newest' | 'oldest'
  readonly limit: number
  /** Only what follows this place in that order, whether there still is such a record or not. */
  readonly after?: Pick<FailureRecord, 'recordedAt' | 'id'> | undefined
}

/** Where failures are kept. Whoever implements it runs `failureLogSuite` of `after-commit/testing`. */
export interface FailureLog {
  /** Rejects with what to do when the store is not usable; called once, when the application starts. */
  check(): Promise<void>
  /** Stores all of them or rejects. Writing a record again that is already stored must succeed and change nothing. */
  write(records: readonly FailureRecord[]): Promise<void>
  list(query: FailureQuery): Promise<readonly FailureRecord[]>
  get(id: string): Promise<FailureRecord | undefined>
  /** Changes the status if it is one of `from`. Atomic: of all who ask at once, wherever, one is answered true. */
  transition(id: string, from: readonly FailureStatus[], to: FailureStatus): Promise<boolean>
  /** Deletes `limit` records at most that were recorded before that time, and answers how many; 0 says that none is left. */
  purge(query: PurgeQuery): Promise<number>
}

export interface PurgeQuery {
  readonly before: Date
  readonly status: readonly FailureStatus[]
  readonly limit: number
}

/** The part of a generated model that the log calls. */
interface FailureTable {
  createMany(args: { data: FailureRecord[] }): PromiseLike<unknown>
  upsert(args: { where: { id: string }; create: FailureRecord; update: object }): PromiseLike<unknown>
  findFirst(args: { select: { id: true } }): PromiseLike<unknown>
  findUnique(args: { where: { id: string } }): PromiseLike<FailureRecord | null>
  findMany(args: {
    where: object
    select?: { id: true }
    orderBy?: object[]
    take: number
  }): PromiseLike<FailureRecord[]>
  updateMany(args: { where: object; data: { status: FailureStatus } }): PromiseLike<{ count: number }>
  deleteMany(args: { where: object }): PromiseLike<{ count: number }>
}

/** The model to paste into `schema.prisma`. On MySQL and MariaDB give `payload`, `errorMessage` and `errorStack` `@db.LongText`. */
export const taskFailureModel = `model TaskFailure {
  id            String    @id
  task          String
  payload       String?
  status        String
  errorName     String?
  errorMessage  String?
  errorStack    String?
  attempts      Int
  requestId     String?
  retryOf       String?
  registeredAt  DateTime
  lastAttemptAt DateTime?
  recordedAt    DateTime

  @@index([status, recordedAt, id])
}`

/**
 * Keeps failures in the table of the Prisma model `TaskFailure`.
 *
 * @param client Answers the client to write through, watched or not; called late, since the client is made from this log's owner.
 */
export function prismaFailureLog(client: () => object): FailureLog {
  const ask = async <T>(query: (table: FailureTable) => PromiseLike<T>): Promise<T> => {
    const table = (client() as { taskFailure?: FailureTable }).taskFailure
    if (!table) throw new Error(`The Prisma client has no model TaskFailure. ${advice}`)
    try {
      return await query(table)
    } catch (error) {
      throw explained(error)
    }
  }
  return {
    async check() {
      await ask((table) => table.findFirst({ select: { id: true } }))
    },
    async write(records) {
      for (const data of chunks(records)) {
        try {
          await ask((table) => table.createMany({ data }))
        } catch (error) {
          if ((error as { code?: unknown } | null)?.code !== 'P2002') throw error
          for (const create of data) {
            await ask((table) => table.upsert({ where: { id: create.id }, create, update: {} }))
          }
        }
      }
    },
    list({ status, task, since, until, order, limit, after }) {
      const [direction, beyond] = order === 'newest' ? ['desc', 'lt'] : ['asc', 'gt']
      const conditions = [
        status && { status: { in: status } },
        task !== undefined && { task },
        since && { recordedAt: { gte: since } },
        until && { recordedAt: { lt: until } },
        after && { recordedAt: { [`${beyond}e`]: after.recordedAt } }, // says nothing new, but an index can use it
        after && { OR: [{ recordedAt: { [beyond]: after.recordedAt } }, { id: { [beyond]: after.id } }] },
      ]
      const where = { AND: conditions.filter(Boolean) }
      return ask((table) =>
        table.findMany({ where, orderBy: [{ recordedAt: direction }, { id: direction }], take: limit }),
      )
    },
    async get(id) {
      const row = await ask((table) => table.findUnique({ where: { id } }))
      return row?.id === id ? row : undefined // MariaDB takes A for a
    },
    async transition(id, from, status) {
      const where = { id, status: { in: from } }
      return (await ask((table) => table.updateMany({ where, data: { status } }))).count === 1
    },
    async purge({ before, status, limit }) {
      const where = { recordedAt: { lt: before }, status: { in: status } }
      // By their ids: a DELETE by conditions locks so much on MariaDB that writes beside it end in deadlocks.
      const found = await ask((table) => table.findMany({ where, select: { id: true }, take: limit }))
      const id = { in: found.map((row) => row.id) }
      return (await ask((table) => table.deleteMany({ where: { id, status: { in: status } } }))).count
    },
  }
}

const advice = `Add this to schema.prisma and run \`prisma migrate dev\`:\n\n${taskFailureModel}\n`

function explained(error: unknown): unknown {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  // The libsql adapter has no code of its own for a missing table.
  const missing = code === 'P2021' || /no such table/.test(String(message))
  return missing ? new Error(`The table of the failure log does not exist. ${advice}`, { cause: error }) : error
}

/** A createMany of another number of rows is another query plan, and compiling one holds the event loop: so only a few numbers. */
function chunks(records: readonly FailureRecord[]): FailureRecord[][] {
  const size = [100, 50, 20, 10, 5, 2, 1].find((each) => each <= records.length)
  return size === undefined ? [] : [records.slice(0, size), ...chunks(records.slice(size))]
}

export function failureRecord(task: Task, status: FailureRecord['status'], outcome: TaskOutcome): FailureRecord {
  return {
    id: task.id,
    task: storedName(task.name),
    payload: task.payload ?? (task.defined ? '' : null),
    status,
    ...('error' in outcome ? describeError(outcome.error) : { errorName: null, errorMessage: null, errorStack: null }),
    attempts: outcome.attempts,
    requestId: task.requestId === undefined ? null : clean(task.requestId, column),
    retryOf: task.retryOf ?? null,
    registeredAt: task.registeredAt,
    lastAttemptAt: task.lastAttemptAt ?? null,
    recordedAt: new Date(),
  }
}

/** A task's name as the log keeps it. */
export const storedName = (name: string): string => clean(name, column)

function read(get: () => unknown): string | null {
  try {
    const value = get()
    return value === undefined ? null : clean(typeof value === 'string' ? value : inspect(value), 10_000)
  } catch {
    return '(not readable)'
  }
}

/** Whatever was thrown, as three texts. Each is read with care: a getter of it, or a trap, may throw in turn. */
export function describeError(error: unknown): Pick<FailureRecord, 'errorName' | 'errorMessage' | 'errorStack'> {
  const thrown = (name: 'name' | 'message' | 'stack', otherwise: () => unknown): string | null =>
    read(() => (error instanceof Error ? error[name] : otherwise()))
  return {
    errorName: thrown('name', () => typeof error)?.slice(0, column) ?? null,
    errorMessage: thrown('message', () => inspect(error)),
    errorStack: thrown('stack', () => undefined),
  }
}

/** Characters that a `String` column without an attribute takes on MySQL and MariaDB. */
const column = 191

/** Text that every database takes: PostgreSQL refuses NUL, and half a surrogate pair is no UTF-8. */
function clean(text: string, length: number): string {
  const whole = text.replaceAll('\0', '\\0')
  const cut = whole.slice(0, length)
  const halved = whole.length > length && /[\uD800-\uDBFF]$/.test(cut)
  return Buffer.from(halved ? cut.slice(0, -1) : cut).toString()
}
