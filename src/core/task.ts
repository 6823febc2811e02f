import { randomUUID } from 'node:crypto'
import type { Failure } from './attempt.js'
import { now } from './clock.js'
import { CapturedContext, small } from './context.js'
import type { Logger, TaskOptions } from './options.js'
import type { OutboxMessage } from './outbox.js'
import type { StandardSchema } from './payload.js'
import type { Pool } from './pool.js'

export type TaskStatus =
  'succeeded' | 'failed' | 'rejected' | 'dropped' | 'interrupted' | 'cancelled' | 'discarded' | 'unknown' | 'stored'
export type TaskState = 'registered' | 'waiting' | 'running' | 'backing-off' | TaskStatus

/** How a task ended. `attempts` counts the attempts that started; `error` is what the last one threw. */
export interface TaskOutcome {
  readonly status: TaskStatus
  readonly attempts: number
  readonly error?: unknown
}

/** What a registration returns: the task's id before the commit, and its outcome for whoever looks. */
export interface TaskHandle {
  /** UUID; also the id of its failure row, and fit as an idempotency key. */
  readonly id: string
  readonly name: string
  readonly state: TaskState
  readonly attempts: number
  readonly requestId: string | undefined
  readonly registeredAt: Date
  /** Withdraws a task that has not started; answers whether it did. */
  cancel(): boolean
  /** Resolves with the outcome; never rejects. */
  readonly settled: Promise<TaskOutcome>
}

/** What the running task is given. */
export interface TaskContext {
  readonly id: string
  readonly name: string
  /** From 1. */
  readonly attempt: number
  /** Aborted when the attempt times out or the pool is closed; hand it to `fetch` and the like. */
  readonly signal: AbortSignal
  /** A logger whose lines carry the task's id, name, attempt and request id. */
  readonly log: Logger
  /** Of a durable task: the same for every delivery of its message. */
  readonly messageId?: string | undefined
}

export type TaskRun = (context: TaskContext) => unknown

/** Made by `defineTask`: a name, a function and the options they run with. */
export interface DefinedTask<In = never, Out = never> {
  readonly name: string
  readonly run: (payload: Out, context: TaskContext) => unknown
  readonly options: DefineTaskOptions<unknown, unknown>
  /** With `thread: true`: the module that exports `run`. */
  readonly module?: URL | undefined
  /** Of an event's subscriber. */
  readonly event?: DefinedTask | undefined
  /** Only for the types: what a registration takes, where a schema makes something else of it. */
  readonly '~payload'?: (payload: In) => void
}

export interface DefineTaskOptions<In, Out> extends TaskOptions {
  /** Checks (and may transform) the payload at registration. Any Standard Schema that answers synchronously. */
  readonly schema?: StandardSchema<In, Out>
  /** Of a durable task: what has the same key is handled one at a time, in the order of the commits. At most 191 characters. */
  key?(payload: Out): string
  /** Runs in one of the instance's `threads`, where it can burn CPU and can be ended. @default false */
  readonly thread?: boolean
}

export function isDefinedTask(value: unknown): value is DefinedTask {
  return (
    typeof value === 'object' &&
    value !== null &&
    'run' in value &&
    typeof value.run === 'function' &&
    'options' in value
  )
}

export type TaskParts = { readonly name: string; readonly run: TaskRun; readonly source: TaskSource }

/** Where a task comes from: what closures have in common, and each run of a defined task has for itself. */
export interface TaskSource {
  readonly options: TaskOptions & Pick<DefineTaskOptions<unknown, unknown>, 'key'>
  /** JSON text, empty for a defined task without a payload; null for a closure. */
  readonly payload: string | null
  /** The id of the failure that it runs again. */
  readonly retryOf: string | undefined
  /** A durable task's. `taskId`: where the message has several tasks, which need ids of their own. */
  readonly message?: Pick<OutboxMessage, 'messageId'> & { readonly taskId?: string }
  /** Set where it runs in a thread. */
  readonly module: URL | undefined
}

/** What most tasks never need. */
interface Looked {
  id?: string
  lastAttemptAt?: number
  settled?: Promise<TaskOutcome>
  resolve?: (outcome: TaskOutcome) => void
  resume?: ((failure: Failure | undefined) => void) | undefined
}

/** Times are kept as milliseconds from here on: for 24 days these are small integers. */
const epoch = Date.now()
export const timeOfDay = (): number => small(Date.now() - epoch)

/**
 * One registered task on its way to its outcome. What the user sees of it is its `TaskHandle` side. There may be a hundred
 * thousand of them, so whatever is seldom looked at is made when somebody looks.
 */
export class Task extends CapturedContext implements TaskHandle {
  readonly name: string
  readonly run: TaskRun
  readonly source: TaskSource
  readonly pool: Pool
  readonly requestId: string | undefined
  /** Position among all registrations of the instance. */
  readonly order: number
  state: TaskState = 'registered'
  attempts = 0
  outcome: TaskOutcome | undefined
  /** What it is doing now, and how to end that: its running attempt, or its backoff. */
  doing: { interrupt(reason: Error): void } | undefined
  /** Its index among what is under way. */
  place = 0
  /** By `timeOfDay()`. */
  acceptedAt = 0
  /** By `timeOfDay()`. */
  readonly registered = timeOfDay()
  #looked: Looked | undefined

  constructor(parts: TaskParts, pool: Pool, requestId: string | undefined, order: number) {
    super()
    this.name = parts.name
    this.run = parts.run
    this.source = parts.source
    this.pool = pool
    this.requestId = requestId
    this.order = order
  }

  get id(): string {
    const { message } = this.source
    return ((this.#looked ??= {}).id ??= message?.taskId ?? message?.messageId ?? randomUUID())
  }

  get options(): TaskOptions {
    return this.source.options
  }

  get registeredAt(): Date {
    return new Date(epoch + this.registered)
  }

  get lastAttemptAt(): Date | undefined {
    const at = this.#looked?.lastAttemptAt
    if (at === undefined) return undefined
    // Clocks are set and rounded; an attempt comes after its registration all the same.
    return new Date(Math.max(Math.round(Date.now() - now() + at), epoch + this.registered))
  }

  get settled(): Promise<TaskOutcome> {
    const look = (this.#looked ??= {})
    look.settled ??= new Promise((resolve) => {
      if (this.outcome) resolve(this.outcome)
      else look.resolve = resolve
    })
    return look.settled
  }

  cancel(): boolean {
    return this.pool.cancel(this)
  }

  /**
   * Runs `fn` in the async context of the registration, with no open transaction in sight: that one is over. Everything that
   * the task and its listeners can see runs in here: attempts, timers, the retry loop.
   */
  inContext<R>(fn: () => R): R
  inContext<R, A>(fn: (given: A) => R, given: A): R
  inContext<R>(fn: (given?: unknown) => R, given?: unknown): R {
    return this.runInAsyncScope(this.pool.carrier.enter<R, unknown>, undefined, this, fn, given)
  }

  /** An attempt that began `at`, by `now()`, did not succeed, or not in time. */
  attemptedInVain(at: number): void {
    this.#looked ??= {}
    this.#looked.lastAttemptAt = at
  }

  /** Whoever waits for its next attempt is told how that ends. */
  awaitAttempt(resume: (failure: Failure | undefined) => void): void {
    this.#looked ??= {}
    this.#looked.resume = resume
  }

  /** Takes out who waits for the attempt that has ended. */
  takeResume(): Looked['resume'] {
    const resume = this.#looked?.resume
    if (this.#looked) this.#looked.resume = undefined
    return resume
  }

  settle(outcome: TaskOutcome): void {
    this.outcome = outcome
    this.state = outcome.status
    this.#looked?.resolve?.(outcome)
    this.emitDestroy()
  }
}
