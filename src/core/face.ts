import type { DefinedEvent } from './subscribers.js'
import type { AfterCommitEventName, AfterCommitListener } from './events.js'
import type { Failures } from './failures.js'
import type { PrismaLike } from './prisma-client.js'
import type { QueueControl } from './slots.js'
import type { QueueStats, Stats } from './stats.js'
import type { DefinedTask, TaskHandle, TaskRun } from './task.js'

/** Says what must happen after the transaction. */
export interface AfterCommitFunction {
  /** Registers a closure under its own name. Synchronous; the task starts after the COMMIT, or never. */
  (run: TaskRun): TaskHandle
  /** Registers a closure. */
  (name: string, run: TaskRun): TaskHandle
  /**
   * Tells the subscribers of an event that the instance knows, each by a task of its own. A durable event is one message, which a
   * relay hands to each of its subscribers. @returns The handle of each of these tasks, or that of the message alone. @throws As of a task.
   */
  <In, Out>(event: DefinedEvent<In, Out>, ...payload: [In] extends [void] ? [] : [payload: In]): readonly TaskHandle[]
  /**
   * Registers a defined task; its payload is turned into JSON here and now.
   * @throws PayloadError for what JSON cannot carry. PoolFullError with `overflow: 'refuse'`. ClosedError after `close()`.
   */
  <In, Out>(task: DefinedTask<In, Out>, ...payload: [In] extends [void] ? [] : [payload: In]): TaskHandle
  /**
   * Runs if the innermost open transaction or savepoint, or one around it, rolls back: after the outermost one has ended,
   * not awaited, its errors logged. @throws NoTransactionError outside a transaction.
   */
  onRollback(run: () => unknown): void
  /** Whether there is a watched transaction, still open, around the caller. Opens no connection. */
  inTransaction(): boolean
}

/** What Prisma takes in the array form of `$transaction`. */
export interface StoresMessage extends Promise<number> {
  readonly [Symbol.toStringTag]: 'PrismaPromise'
}

export interface AfterCommit extends AfterCommitFunction {
  /** A client of the same type whose `$transaction` is known here; the client given stays as it was. */
  watch<C extends PrismaLike>(client: C): C
  /** The same function, bound to one transaction client instead of the one around the caller. */
  for(tx: object): AfterCommitFunction
  /**
   * Stores a message for the task or the event, for the array form of `$transaction` alone: `prisma.$transaction([…, afterCommit.message(task, payload)])`.
   * @returns A PrismaPromise. @throws PayloadError; OptionsError without an `outbox`.
   */
  message<In, Out>(task: DefinedTask<In, Out>, ...payload: [In] extends [void] ? [] : [payload: In]): StoresMessage
  /** Resolves when nothing is pending, and all failures are stored or, where the log is down, given to the logger. */
  idle(): Promise<void>
  /** Takes no more, drains until `grace` milliseconds are over, then interrupts and records what is left. @default 10_000 */
  close(options?: { readonly grace?: number }): Promise<Stats>
  /** A queue by its name, or the instance's own: to pause it, or to change its concurrency. @throws OptionsError */
  queue(name?: string): QueueControl
  stats(): Stats
  /** Each queue now: the instance's own first, as `default`. */
  queues(): readonly QueueStats[]
  /** What the failure log has, and what can be done with it. */
  readonly failures: Failures
  /** Adds a listener; the function returned removes it. @throws OptionsError for an event that does not exist. */
  on<N extends AfterCommitEventName>(event: N, listener: AfterCommitListener<N>): () => void
}
