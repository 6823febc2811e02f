import { inspect } from 'node:util'
import type { Task, TaskOutcome } from './task.js'

/** One task that did not succeed: a row of the failure log. */
export interface FailureRecord {
  /** The task's id. */
  readonly id: string
  readonly task: string
  /** JSON text; null for a closure, which cannot be run again. */
  readonly payload: string | null
  readonly status: 'failed' | 'rejected' | 'interrupted' | 'unknown'
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

/** Where failures are kept. */
export interface FailureLog {
  /** Stores all of them or rejects. Writing a record again that is already stored must succeed and change nothing. */
  write(records: readonly FailureRecord[]): Promise<void>
  /** Rejects with what to do when the store is not usable; called once, when the application starts. */
  check?(): Promise<void>
}

/** The part of a generated model that the log calls. */
interface FailureTable {
  createMany(args: { data: FailureRecord[] }): PromiseLike<unknown>
  upsert(args: { where: { id: string }; create: FailureRecord; update: object }): PromiseLike<unknown>
  findFirst(args: { select: { id: true } }): PromiseLike<unknown>
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
  const table = (): FailureTable => {
    const model = (client() as { taskFailure?: FailureTable }).taskFailure
    if (!model) throw new Error(`The Prisma client has no model TaskFailure. ${advice}`)
    return model
  }
  return {
    async write(records) {
      for (const data of chunks(records)) {
        try {
          await table().createMany({ data })
        } catch (error) {
          if ((error as { code?: unknown } | null)?.code !== 'P2002') throw explained(error)
          for (const create of data) await table().upsert({ where: { id: create.id }, create, update: {} })
        }
      }
    },
    async check() {
      try {
        await table().findFirst({ select: { id: true } })
      } catch (error) {
        throw explained(error)
      }
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
    task: clean(task.name, column),
    payload: task.payload ?? null,
    status,
    ...('error' in outcome ? describeError(outcome.error) : { errorName: null, errorMessage: null, errorStack: null }),
    attempts: outcome.attempts,
    requestId: task.requestId === undefined ? null : clean(task.requestId, column),
    retryOf: null,
    registeredAt: task.registeredAt,
    lastAttemptAt: task.lastAttemptAt ?? null,
    recordedAt: new Date(),
  }
}

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
