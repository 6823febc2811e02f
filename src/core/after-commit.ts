import type { AfterCommit, AfterCommitFunction, StoresMessage } from './face.js'
import { asyncLocalStorageCarrier, CapturedContext, type ContextCarrier } from './context.js'
import { Deadlines } from './deadlines.js'
import { OptionsError } from './errors.js'
import { type AfterCommitEventName, type AfterCommitListener, Events } from './events.js'
import { failureRecord, type FailureRecord, type FailureStatus } from './failure-log.js'
import { FailureWriter } from './failure-writer.js'
import { type Failures, failuresOf } from './failures.js'
import { type Internals, internals } from './internals.js'
import { consoleLogger, logEvents, logRecord, safeLogger } from './logging.js'
import { type AfterCommitOptions, defaultRetry, type Logger, mergeRetry, validateOptions } from './options.js'
import { TransactionWatcher } from './prisma.js'
import type { PrismaLike } from './prisma-client.js'
import { untested } from './prisma-version.js'
import { Queues } from './queues.js'
import { Registry } from './registration.js'
import { Scope } from './scope.js'
import { type Stats, statsOf } from './stats.js'
import { Turn } from './turn.js'
import type { Task, TaskHandle, TaskOutcome, TaskParts, TaskStatus } from './task.js'

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
    Object.assign(((...args: unknown[]) => instance.registry.register(args, at())) as AfterCommitFunction, {
      onRollback: (run: () => unknown) => instance.registry.onRollback(run, at()),
      inTransaction: () => at()?.isOpen ?? false,
    })
  return Object.assign(
    bind(() => instance.ambient()),
    {
      watch: <C extends PrismaLike>(client: C) => instance.watch(client),
      for(tx: object) {
        watcher.scopeOf(tx) // a client that is not watched is an error here, not at the first registration
        return bind(() => watcher.scopeOf(tx))
      },
      message: (...args: unknown[]) =>
        instance.registry.durable.statement(args, instance.registry.requestId()) as StoresMessage,
      idle: () => instance.idle(),
      close: (given?: { readonly grace?: number }) => instance.close(given),
      stats: () => instance.stats(),
      queue: (name?: string) => instance.internals.queues.slotsOf(name),
      queues: () => instance.internals.queues.stats(),
      failures: instance.failures,
      on: <N extends AfterCommitEventName>(event: N, listener: AfterCommitListener<N>) => events.on(event, listener),
      [internals]: instance.internals,
    },
  )
}

/** The wiring: registrations, transactions, the pool and the failure log. */
class Instance {
  readonly watcher: TransactionWatcher
  readonly registry: Registry
  readonly events: Events
  readonly failures: Failures
  readonly internals: Internals
  readonly #options: AfterCommitOptions
  readonly #context: ContextCarrier
  readonly #logger: Logger
  readonly #queues: Queues
  readonly #writer: FailureWriter | undefined
  readonly #abandoned = new Set<object>()
  #closing: Promise<Stats> | undefined
  /** Failures that are about to be run again. */
  #claims = 0
  /** Called at the next moment at which nothing is pending, or no transaction is open. */
  #onQuiet: (() => void)[] = []

  constructor(options: AfterCommitOptions) {
    const { failureLog, tasks = [], logger: given = consoleLogger, context = asyncLocalStorageCarrier() } = options
    const logger = safeLogger(given)
    const events = new Events((error, event) => logger.error({ err: error }, `a listener of the event ${event} failed`))
    logEvents(events, logger)
    this.#options = options
    this.#context = context
    this.#logger = logger
    this.events = events
    const home = context.capture(CapturedContext)
    this.#queues = new Queues(options, {
      concurrency: options.concurrency ?? 10,
      maxPending: options.maxPending ?? 1_000,
      overflow: options.overflow ?? 'record',
      retry: mergeRetry(defaultRetry, options.retry),
      timeout: options.timeout ?? 30_000,
      abortGrace: options.abortGrace ?? 1_000,
      events,
      logger,
      context,
      turn: new Turn(),
      home,
      deadlines: new Deadlines(home),
      abandoned: this.#abandoned,
      onFinished: (task, outcome) => this.#onFinished(task, outcome),
    })
    this.registry = new Registry({ options, context, logger, queues: this.#queues })
    this.watcher = new TransactionWatcher({
      context,
      onEnd: (settlement) => this.registry.settle(settlement),
      onNoneOpen: () => this.#quiet(),
      beforeCommit: (scope, tx) => this.registry.durable.beforeCommit(scope, tx),
      onBatch: (batch, answer) => this.registry.durable.onBatch(batch, answer),
      admits: () => this.registry.admits,
    })
    const onLost = (records: readonly FailureRecord[], error: unknown): void => {
      for (const record of records) logRecord(logger, 'fatal', record, 'the failure log cannot be written')
      events.of.failureLogError.emit({ error, records })
    }
    this.failures = failuresOf({ log: failureLog, tasks, rerun: (parts, claim) => this.#rerun(parts, claim) })
    const { registry, watcher } = this
    const queues = this.#queues
    this.internals = { registry, watcher, queues, events, context, logger, options, quiet: () => this.#quiet() }
    this.#writer = failureLog && new FailureWriter({ store: failureLog, context: home, onLost })
  }

  /** The scope around the caller: the transaction it is in, or the one that its unawaited work was started in. */
  ambient(): Scope | undefined {
    const around = this.#context.get()
    return around instanceof Scope ? around.current : undefined
  }

  watch<C extends PrismaLike>(client: C): C {
    const watched = this.watcher.watch(client)
    const warning = watched === client ? undefined : untested(client)
    if (warning !== undefined) this.#logger.warn({}, warning)
    // In a turn of its own: the log's client is usually the one that this is about to return.
    if (!this.registry.watching) setImmediate(() => void this.#checkFailureLog())
    this.registry.watching = true
    return watched
  }

  async idle(): Promise<void> {
    do {
      while (!this.#isIdle) await this.#nextQuiet()
      await this.#writer?.idle()
    } while (!this.#isIdle)
  }

  close({ grace = 10_000 }: { readonly grace?: number } = {}): Promise<Stats> {
    if (typeof grace !== 'number' || !(grace >= 0 && grace < 2 ** 31)) {
      throw OptionsError.expected('grace', 'a number of milliseconds from 0 and up', grace)
    }
    this.registry.closing = true
    this.#closing ??= this.#drain(grace)
    return this.#closing
  }

  get #isIdle(): boolean {
    return this.#queues.isIdle && this.registry.durable.storing === 0
  }

  stats(): Stats {
    return statsOf(this.events, this.#queues, this.#abandoned.size)
  }

  #onFinished(task: Task, outcome: TaskOutcome): void {
    const { status } = outcome
    this.events.of[status].emitTask(task, 'error' in outcome ? { error: outcome.error } : undefined)
    if (isRecorded(task, status)) {
      const record = failureRecord(task, status, outcome)
      if (this.#writer) this.#writer.add(record)
      else logRecord(this.#logger, 'error', record, 'there is no failure log: this is the record')
    }
    if (this.#onQuiet.length > 0 && task.pool.pending === 0 && this.#isIdle) this.#quiet()
  }

  async #drain(grace: number): Promise<Stats> {
    let timer: NodeJS.Timeout | undefined
    const deadline = new Promise<'expired'>((resolve) => {
      timer = setTimeout(() => resolve('expired'), grace)
    })
    let state: unknown
    while (state !== 'expired' && (!this.#isIdle || this.watcher.open + this.#claims > 0)) {
      state = await Promise.race([this.#nextQuiet(), deadline])
    }
    clearTimeout(timer)
    this.#queues.interrupt(new Error('The pool was closed and its grace period is over'))
    await Promise.all([this.#writer?.flush(), this.#queues.close()])
    return this.stats()
  }

  async #rerun(parts: TaskParts, claim: () => Promise<void>): Promise<TaskHandle> {
    this.#claims++
    try {
      return await this.registry.rerun(parts, claim)
    } finally {
      this.#claims--
      this.#quiet()
    }
  }

  #nextQuiet(): Promise<void> {
    return new Promise((resolve) => this.#onQuiet.push(resolve))
  }

  #quiet(): void {
    if (this.#onQuiet.length > 0) for (const resolve of this.#onQuiet.splice(0)) resolve()
  }

  async #checkFailureLog(): Promise<void> {
    try {
      await this.#options.failureLog?.check()
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      this.#logger.error({ err: error }, `the failure log is not usable: ${why}`)
    }
  }
}

function isRecorded(task: Task, status: TaskStatus): status is Extract<FailureStatus, TaskStatus> {
  // What is to be stored is where its transaction is: the database knows.
  if (status === 'unknown' && task.source.message) return false
  // Nobody can decide about a closure whose transaction's outcome is unknown: it cannot be run again.
  if (status === 'unknown') return task.source.payload !== null
  return status === 'failed' || status === 'rejected' || status === 'interrupted'
}
