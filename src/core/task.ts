import { randomUUID } from 'node:crypto'
import type { Failure } from './attempt.js'
import type { CapturedContext } from './context.js'
import type { Logger, TaskOptions } from './options.js'
import type { StandardSchema } from './payload.js'

export type TaskStatus =
  'succeeded' | 'failed' | 'rejected' | 'dropped' | 'interrupted' | 'cancelled' | 'discarded' | 'unknown'
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
}

export type TaskRun = (context: TaskContext) => unknown

/** Made by `defineTask`: a name, a function and the options they run with. */
export interface DefinedTask<In = never, Out = never> {
  readonly name: string
  readonly run: (payload: Out, context: TaskContext) => unknown
  readonly options: DefineTaskOptions<unknown, unknown>
  /** Only for the types: what a registration takes, where a schema makes something else of it. */
  readonly '~payload'?: (payload: In) => void
}

export interface DefineTaskOptions<In, Out> extends TaskOptions {
  /** Checks (and may transform) the payload at registration. Any Standard Schema that answers synchronously. */
  readonly schema?: StandardSchema<In, Out>
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

export interface TaskParts {
  readonly name: string
  readonly run: TaskRun
  readonly options: TaskOptions
  /** JSON text; undefined for a closure, or where a defined task takes no payload. */
  readonly payload: string | undefined
  readonly defined: boolean
  /** The id of the failure that it runs again. */
  readonly retryOf?: string | undefined
}

/** One registered task on its way to its outcome. What the user sees of it is its `TaskHandle` side. */
export class Task implements TaskHandle {
  readonly id = randomUUID()
  readonly name: string
  readonly run: TaskRun
  readonly options: TaskOptions
  readonly payload: string | undefined
  readonly defined: boolean
  readonly retryOf: string | undefined
  readonly requestId: string | undefined
  /** Position among all registrations of the instance. */
  readonly order: number
  readonly context: CapturedContext
  readonly registeredAt = new Date()
  state: TaskState = 'registered'
  attempts = 0
  /** Milliseconds since the epoch. */
  acceptedAt = 0
  lastAttemptAt: Date | undefined
  outcome: TaskOutcome | undefined
  /** It holds one of the pool's places although its transaction has not committed yet (`overflow: 'refuse'`). */
  reserved = false
  /** Ends what it is doing now: aborts the running attempt's signal, or wakes it from its backoff. */
  interrupt: ((reason: Error) => void) | undefined
  /** Set while a retry waits for its slot: takes the attempt's result back to the retry loop. */
  resume: ((failure: Failure | undefined) => void) | undefined
  #resolve: ((outcome: TaskOutcome) => void) | undefined
  #settled: Promise<TaskOutcome> | undefined

  readonly #onCancel: (task: Task) => boolean

  constructor(
    parts: TaskParts,
    made: Pick<Task, 'requestId' | 'order' | 'context'>,
    onCancel: (task: Task) => boolean,
  ) {
    this.name = parts.name
    this.run = parts.run
    this.options = parts.options
    this.payload = parts.payload
    this.defined = parts.defined
    this.retryOf = parts.retryOf
    this.requestId = made.requestId
    this.order = made.order
    this.context = made.context
    this.#onCancel = onCancel
  }

  get settled(): Promise<TaskOutcome> {
    this.#settled ??= this.outcome
      ? Promise.resolve(this.outcome)
      : new Promise((resolve) => {
          this.#resolve = resolve
        })
    return this.#settled
  }

  cancel(): boolean {
    return this.#onCancel(this)
  }

  settle(outcome: TaskOutcome): void {
    this.outcome = outcome
    this.state = outcome.status
    this.#resolve?.(outcome)
    this.context.release()
  }
}
