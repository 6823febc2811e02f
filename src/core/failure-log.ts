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
  /**
   * Rejects with what to do when the store is not usable. Called when the application starts, and after a refused `write`, to
   * tell a store that is down from a record that it will never take.
   */
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

export function failureRecord(task: Task, status: FailureRecord['status'], outcome: TaskOutcome): FailureRecord {
  return {
    id: task.id,
    task: storedName(task.name),
    payload: task.source.payload,
    status,
    ...('error' in outcome ? describeError(outcome.error) : { errorName: null, errorMessage: null, errorStack: null }),
    attempts: outcome.attempts,
    requestId: task.requestId === undefined ? null : clean(task.requestId, column),
    retryOf: task.source.retryOf ?? null,
    registeredAt: task.registeredAt,
    lastAttemptAt: task.lastAttemptAt ?? null,
    recordedAt: new Date(),
  }
}

/** A task's name as the log keeps it. */
export const storedName = (name: string): string => clean(name, column)

function read(get: () => unknown, length: number): string | null {
  try {
    const value = get()
    return value === undefined ? null : clean(typeof value === 'string' ? value : inspect(value), length)
  } catch {
    return '(not readable)'
  }
}

/** Whatever was thrown, as three texts. Each is read with care: a getter of it, or a trap, may throw in turn. */
export function describeError(error: unknown): Pick<FailureRecord, 'errorName' | 'errorMessage' | 'errorStack'> {
  const thrown = (name: 'name' | 'message' | 'stack', otherwise: () => unknown, length = 10_000): string | null =>
    read(() => (error instanceof Error ? error[name] : otherwise()), length)
  return {
    errorName: thrown('name', () => typeof error, column),
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
