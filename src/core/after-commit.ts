import { asyncLocalStorageCarrier, type ContextCarrier } from './context.js'
import { ClosedError, NoTransactionError, OptionsError } from './errors.js'
import { type AfterCommitEventName, type AfterCommitListener, Events } from './events.js'
import { failureRecord } from './failure-log.js'
import { FailureWriter } from './failure-writer.js'
import { consoleLogger, logEvents, logRecord, safeLogger, taskLogger } from './logging.js'
import { type AfterCommitOptions, defaultRetry, type Logger, mergeRetry, validateOptions } from './options.js'
import { Pool } from './pool.js'
import { type PrismaLike, TransactionWatcher } from './prisma.js'
import { Scope, type Settlement } from './scope.js'
import { type DefinedTask, Task, type TaskHandle, type TaskOutcome, taskParts, type TaskRun } from './task.js'

/** Says what must happen after the transaction. */
export interface AfterCommitFunction {
  /** Registers a closure under its own name. Synchronous; the task starts after the COMMIT, or never. */
  (run: TaskRun): TaskHandle
  /** Registers a closure. */
  (name: string, run: TaskRun): TaskHandle
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

export interface AfterCommit extends AfterCommitFunction {
  /** A client of the same type whose `$transaction` is known here; the client given stays as it was. */
  watch<C extends PrismaLike>(client: C): C
  /** The same function, bound to one transaction client instead of the one around the caller. */
  for(tx: object): AfterCommitFunction
  /** Resolves when nothing is pending, and all failures are stored or, where the log is down, given to the logger. */
  idle(): Promise<void>
  /** Takes no more, drains until `grace` milliseconds are over, then interrupts and records what is left. @default 10_000 */
  close(options?: { readonly grace?: number }): Promise<Stats>
  stats(): Stats
  /** Adds a listener; the function returned removes it. @throws OptionsError for an event that does not exist. */
  on<N extends AfterCommitEventName>(event: N, listener: AfterCommitListener<N>): () => void
}

/** Counters since construction, then gauges. accepted = succeeded + failed + rejected + dropped + interrupted + cancelled + pending. */
export interface Stats {
  readonly accepted: number
  readonly succeeded: number
  readonly failed: number
  readonly rejected: number
  readonly dropped: number
  readonly interrupted: number
  readonly cancelled: number
  readonly discarded: number
  readonly unknown: number
  readonly retried: number
  readonly pending: number
  readonly waiting: number
  readonly running: number
  readonly backingOff: number
  readonly reserved: number
  readonly abandoned: number
  /** Milliseconds since the registration of the oldest pending task; 0 when there is none. */
  readonly oldestPendingMs: number
}

/**
 * Creates an instance: one pool, one failure log, any number of watched clients.
 *
 * @throws OptionsError for a wrong value or an unknown name.
 * @example
 * export const afterCommit = createAfterCommit({ failureLog: prismaFailureLog(() => prisma) })
 * export const prisma = afterCommit.watch(new PrismaClient({ adapter }))
 */
export function createAfterCommit(options: AfterCommitOptions = {}): AfterCommit {
  validateOptions(options)
  const instance = new Instance(options)
  const { watcher, events } = instance
  const bind = (at: () => Scope | undefined): AfterCommitFunction =>
    Object.assign((...args: unknown[]) => instance.register(args, at()), {
      onRollback: (run: () => unknown) => instance.onRollback(run, at()),
      inTransaction: () => at()?.isOpen ?? false,
    }) as AfterCommitFunction
  return Object.assign(
    bind(() => instance.ambient()),
    {
      watch: <C extends PrismaLike>(client: C) => instance.watch(client),
      for(tx: object) {
        watcher.scopeOf(tx) // a client that is not watched is an error here, not at the first registration
        return bind(() => watcher.scopeOf(tx))
      },
      idle: () => instance.idle(),
      close: (given?: { readonly grace?: number }) => instance.close(given),
      stats: () => instance.stats(),
      on: <N extends AfterCommitEventName>(event: N, listener: AfterCommitListener<N>) => events.on(event, listener),
    },
  )
}

/** The wiring: from a registration to a scope, from a scope to the pool, from an outcome to the failure log. */
class Instance {
  readonly watcher: TransactionWatcher
  readonly events: Events
  readonly #options: AfterCommitOptions
  readonly #context: ContextCarrier
  readonly #logger: Logger
  readonly #pool: Pool
  readonly #writer: FailureWriter | undefined
  readonly #abandoned = new Set<object>()
  #registrations = 0
  #watching = false
  #closing: Promise<Stats> | undefined
  /** Called at the next moment at which nothing is pending or no transaction is open. */
  #onQuiet: (() => void)[] = []

  constructor(options: AfterCommitOptions) {
    const { failureLog, logger = consoleLogger, context = asyncLocalStorageCarrier() } = options
    this.#options = options
    this.#context = context
    this.#logger = safeLogger(logger)
    this.events = new Events((error, event) =>
      this.#logger.error({ err: error, event }, `a listener of the event ${event} failed`),
    )
    logEvents(this.events, this.#logger)
    this.watcher = new TransactionWatcher(
      context,
      (settlement) => this.#onEnd(settlement),
      () => this.#quiet(),
    )
    this.#pool = new Pool({
      concurrency: options.concurrency ?? 10,
      maxPending: options.maxPending ?? 1_000,
      overflow: options.overflow ?? 'record',
      retry: mergeRetry(defaultRetry, options.retry),
      timeout: options.timeout ?? 30_000,
      abortGrace: options.abortGrace ?? 1_000,
      context,
      events: this.events,
      abandoned: this.#abandoned,
      log: (task) => taskLogger(logger, task),
      onFinished: (task, outcome) => this.#onFinished(task, outcome),
    })
    this.#writer =
      failureLog &&
      new FailureWriter({
        store: failureLog,
        context: context.capture(),
        onLost: (records, error) => {
          for (const record of records) logRecord(this.#logger, 'fatal', record, 'the failure log cannot be written')
          this.events.emit('failureLogError', { error, records })
        },
      })
  }

  /** The scope around the caller: the transaction it is in, or the one that its unawaited work was started in. */
  ambient(): Scope | undefined {
    const around = this.#context.get()
    return around instanceof Scope ? around.current : undefined
  }

  watch<C extends PrismaLike>(client: C): C {
    const watched = this.watcher.watch(client)
    if (!this.#watching) this.#checkFailureLog()
    this.#watching = true
    return watched
  }

  register(args: readonly unknown[], scope: Scope | undefined): TaskHandle {
    const parts = taskParts(args)
    this.#refuseIfClosed(parts.name, scope)
    if (!this.#watching && this.#registrations === 0) {
      this.#logger.warn(
        { task: parts.name },
        'afterCommit watches no client, so tasks run at once: use the client that `afterCommit.watch` returns',
      )
    }
    const order = this.#registrations++
    const made = { requestId: this.#requestId(), order, context: this.#context.capture() }
    const task = new Task(parts, made, (cancelled) => this.#cancel(cancelled))
    if (scope?.isPending) {
      if ((task.options.overflow ?? this.#options.overflow) === 'refuse') this.#pool.reserve(task)
      scope.add(task)
    } else if (scope) {
      this.#registerLate(task, scope)
    } else {
      this.#registerOutside(task)
    }
    return task
  }

  onRollback(run: () => unknown, scope: Scope | undefined): void {
    if (typeof run !== 'function') throw OptionsError.expected('run', 'a function', run)
    if (!scope) throw new NoTransactionError('`onRollback`')
    const captured = this.#context.capture()
    const hook = (): void => {
      captured
        .run(() => this.#context.run(undefined, async () => await run()))
        .catch((error: unknown) => this.#logger.error({ err: error }, 'an onRollback function failed'))
        .finally(() => captured.release())
    }
    if (scope.isPending) scope.addHook(hook)
    else if (scope.state === 'rolled-back') hook()
    else captured.release()
  }

  async idle(): Promise<void> {
    while (this.#pool.pending.size > 0) await this.#nextQuiet()
    await this.#writer?.idle()
    if (this.#pool.pending.size > 0) await this.idle()
  }

  close({ grace = 10_000 }: { readonly grace?: number } = {}): Promise<Stats> {
    if (typeof grace !== 'number' || !(grace >= 0 && grace < 2 ** 31)) {
      throw OptionsError.expected('grace', 'a number of milliseconds from 0 and up', grace)
    }
    this.#closing ??= this.#drain(grace)
    return this.#closing
  }

  stats(): Stats {
    const { counts } = this.events
    const { pending, gauges, reserved } = this.#pool
    const [oldest] = pending
    return {
      accepted: counts.accepted,
      succeeded: counts.succeeded,
      failed: counts.failed,
      rejected: counts.rejected,
      dropped: counts.dropped,
      interrupted: counts.interrupted,
      cancelled: counts.cancelled,
      discarded: counts.discarded,
      unknown: counts.unknown,
      retried: counts.retrying,
      pending: pending.size,
      waiting: gauges.waiting,
      running: gauges.running,
      backingOff: gauges['backing-off'],
      reserved,
      abandoned: this.#abandoned.size,
      oldestPendingMs: oldest ? Date.now() - oldest.registeredAt.getTime() : 0,
    }
  }

  #refuseIfClosed(name: string, scope: Scope | undefined): void {
    if (!this.#closing) return
    const around = this.#context.get()
    const underWay = scope?.isPending || (around instanceof Task && !around.outcome)
    if (this.#pool.closed || !underWay) throw new ClosedError(name)
  }

  /** The transaction is over and somebody did not await what registers now: it follows the outcome. */
  #registerLate(task: Task, scope: Scope): void {
    if (scope.state === 'committed') return this.#pool.accept(task)
    if (scope.state === 'rolled-back') {
      this.#logger.warn(
        { taskId: task.id, task: task.name },
        `\`${task.name}\` was registered after its transaction had rolled back, and is discarded: await the work that registers it`,
      )
    }
    this.#settleUnrun(task, scope.state === 'rolled-back' ? 'discarded' : 'unknown')
  }

  #registerOutside(task: Task): void {
    const policy = this.#options.outsideTransaction ?? 'run'
    if (policy === 'throw') throw new NoTransactionError(`\`afterCommit\` for \`${task.name}\``)
    if (policy === 'discard') return this.#settleUnrun(task, 'discarded')
    if (policy === 'warn') {
      this.#logger.warn(
        { taskId: task.id, task: task.name },
        `\`${task.name}\` was registered outside a transaction and runs at once`,
      )
    }
    if ((task.options.overflow ?? this.#options.overflow) === 'refuse') this.#pool.reserve(task)
    this.#pool.accept(task)
  }

  #onEnd({ state, tasks, hooks, error }: Settlement): void {
    for (const task of tasks) {
      if (state === 'committed') this.#pool.accept(task)
      else this.#settleUnrun(task, state === 'rolled-back' ? 'discarded' : 'unknown', error)
    }
    for (const hook of hooks) hook()
  }

  /** It was never accepted, so the pool does not know it. */
  #settleUnrun(task: Task, status: 'discarded' | 'unknown', error?: unknown): void {
    this.#pool.release(task)
    if (!task.outcome) this.#onFinished(task, { status, attempts: 0, ...(error !== undefined && { error }) })
  }

  #cancel(task: Task): boolean {
    if (task.state !== 'registered' && task.state !== 'waiting') return false
    if (task.attempts > 0) return false
    const outcome: TaskOutcome = { status: 'cancelled', attempts: 0 }
    // Before the commit it is nobody's yet: the pool counts it, accepted and cancelled, when it is handed over.
    if (task.state === 'registered') task.settle(outcome)
    else this.#pool.finish(task, outcome)
    return true
  }

  #onFinished(task: Task, outcome: TaskOutcome): void {
    if (!task.outcome) task.settle(outcome)
    const { status } = outcome
    this.events.emit(status, { task, error: outcome.error })
    if (
      status === 'failed' ||
      status === 'rejected' ||
      status === 'interrupted' ||
      (status === 'unknown' && task.defined)
    ) {
      const record = failureRecord(task, status, outcome)
      if (this.#writer) this.#writer.add(record)
      else logRecord(this.#logger, 'error', record, 'there is no failure log: this is the record')
    }
    if (this.#pool.pending.size === 0) this.#quiet()
  }

  async #drain(grace: number): Promise<Stats> {
    let expired = false
    const deadline = new Promise<void>((resolve) => {
      setTimeout(() => resolve(void (expired = true)), grace).unref()
    })
    while (!expired && (this.#pool.pending.size > 0 || this.watcher.open > 0)) {
      await Promise.race([this.#nextQuiet(), deadline])
    }
    this.#pool.interrupt(new Error('The pool was closed and its grace period is over'))
    await this.#writer?.flush()
    return this.stats()
  }

  #nextQuiet(): Promise<void> {
    return new Promise((resolve) => this.#onQuiet.push(resolve))
  }

  #quiet(): void {
    for (const resolve of this.#onQuiet.splice(0)) resolve()
  }

  #requestId(): string | undefined {
    try {
      return this.#options.requestId?.()
    } catch (error) {
      this.#logger.error({ err: error }, 'the option requestId threw, so the task carries no request id')
      return undefined
    }
  }

  /** In a turn of its own: the log's client is usually the one that `watch` is about to return. */
  #checkFailureLog(): void {
    setImmediate(() => {
      this.#options.failureLog?.check?.().catch((error: unknown) => {
        this.#logger.error(
          { err: error },
          `the failure log is not usable: ${error instanceof Error ? error.message : String(error)}`,
        )
      })
    })
  }
}
