import { inspect } from 'node:util'
import { CapturedContext, type ContextCarrier } from './context.js'
import { isDefinedEvent } from './subscribers.js'
import { taskParts } from './define-task.js'
import { Durable } from './durable.js'
import { ClosedError, NoTransactionError, OptionsError } from './errors.js'
import { taskFields } from './logging.js'
import type { AfterCommitOptions, Logger } from './options.js'
import type { Pool } from './pool.js'
import type { Queues } from './queues.js'
import type { Scope, Settlement } from './scope.js'
import { Task, type TaskHandle, type TaskParts } from './task.js'

export interface RegistrySettings {
  readonly options: AfterCommitOptions
  readonly context: ContextCarrier
  readonly logger: Logger
  readonly queues: Queues
}

/** From a call of `afterCommit` to a scope or the pool, and from the end of a scope to what becomes of its tasks. */
export class Registry {
  watching = false
  closing = false
  /** What takes the tasks that are due: the queues, unless a test has put something in their place. */
  accept: Queues['accept']
  readonly durable: Durable
  readonly #settings: RegistrySettings
  #registrations = 0

  constructor(settings: RegistrySettings) {
    this.#settings = settings
    this.durable = new Durable(settings)
    this.accept = (tasks, callerCanRun, at) => settings.queues.accept(tasks, callerCanRun, at)
  }

  /** @returns The handle of a task; those of an event, in a list. */
  register(args: readonly unknown[], scope: Scope | undefined): TaskHandle | readonly TaskHandle[] {
    const parts = taskParts(args)
    if (!isDefinedEvent(args[0])) return this.#register(parts, scope)
    const handles: TaskHandle[] = []
    try {
      for (const each of this.durable.partsOfEvent(parts)) handles.push(this.#register(each, scope))
    } catch (error) {
      for (const handle of handles) handle.cancel() // all of them are told, or none
      throw error
    }
    return handles
  }

  #register(parts: TaskParts, scope: Scope | undefined): TaskHandle {
    const { options, queues } = this.#settings
    const pool = queues.of(parts)
    this.#refuseIfClosed(parts.name, scope)
    if (!scope) this.#warnIfUnwatched(parts.name)
    const task = this.#newTask(parts, pool)
    const refuses = !task.source.message && (task.options.overflow ?? options.overflow) === 'refuse'
    if (scope && !scope.isPending) this.#late(task, scope)
    else if (scope) {
      if (refuses) pool.reserve(task)
      scope.add(task)
    } else if (this.#runsOutside(task)) {
      if (refuses) pool.reserve(task)
      void this.#handOver([task], false, task.registered)
    }
    return task
  }

  /** Runs a stored failure again: outside any transaction, whatever the policy. Its place is kept while it is claimed. */
  async rerun(parts: TaskParts, claim: () => Promise<void>): Promise<TaskHandle> {
    const pool = this.#settings.queues.of(parts)
    this.#refuseIfClosed(parts.name, undefined)
    const task = this.#newTask(parts, pool)
    try {
      pool.reserve(task)
      await claim()
    } catch (error) {
      pool.release(task)
      task.emitDestroy()
      throw error
    }
    void this.#handOver([task], false)
    return task
  }

  /** These tasks are due: to the pool, or, where they are durable, to the outbox. */
  #handOver(tasks: readonly Task[], callerCanRun: boolean, at?: number): Promise<void> | undefined {
    return this.accept(this.durable.take(tasks), callerCanRun, at)
  }

  #newTask(parts: TaskParts, pool: Pool): Task {
    const { context, queues } = this.#settings
    const requestId = this.requestId()
    const runnable = queues.runnable(this.durable.withMessage(parts, requestId))
    return context.capture(Task, runnable, pool, requestId, this.#registrations++)
  }

  onRollback(run: () => unknown, scope: Scope | undefined): void {
    const { context, logger } = this.#settings
    if (typeof run !== 'function') throw OptionsError.expected('run', 'a function', run)
    if (!scope) throw new NoTransactionError('`onRollback`')
    const captured = context.capture(CapturedContext)
    const hook = (): void => {
      captured
        .runInAsyncScope(context.enter<Promise<void>, void>, undefined, undefined, async () => void (await run()))
        .catch((error: unknown) => logger.error({ err: error }, 'an onRollback function failed'))
        .finally(() => captured.emitDestroy())
    }
    if (scope.isPending) scope.addHook({ order: this.#registrations++, run: hook })
    else if (scope.state === 'rolled-back') hook()
    else captured.emitDestroy()
  }

  /** A transaction or a savepoint is over. */
  settle({ state, tasks, hooks, error }: Settlement): Promise<void> | undefined {
    const callerRuns = state === 'committed' ? this.#handOver(tasks, true) : undefined
    if (state !== 'committed') {
      for (const task of tasks) this.#settleUnrun(task, state === 'unknown' ? 'unknown' : 'discarded', error)
    }
    for (const hook of hooks) hook.run()
    return callerRuns
  }

  /** Whether what happens here may register: after `close()`, only a task that is under way. */
  get admits(): boolean {
    if (!this.closing) return true
    const around = this.#settings.context.get()
    return around instanceof Task && !around.outcome
  }

  /** After `close()` only what is already under way, a transaction or a task, may go on registering. */
  #refuseIfClosed(name: string, scope: Scope | undefined): void {
    if (!this.closing) return
    const underWay = scope?.isPending ? scope.root.admitted : this.admits
    if (this.#settings.queues.closed || !underWay) throw new ClosedError(name)
  }

  #warnIfUnwatched(name: string): void {
    if (this.watching || this.#registrations > 0) return
    const advice = 'afterCommit watches no client, so every task runs at once: use the client that `watch` returns'
    this.#settings.logger.warn({ task: name }, advice)
  }

  /** The transaction is over, and somebody did not await the work that registers now: the task follows the outcome. */
  #late(task: Task, { state }: Scope): void {
    if (state === 'committed') return void this.#handOver([task], false)
    if (state === 'unknown') return this.#settleUnrun(task, 'unknown')
    const why =
      'was registered after its transaction had rolled back, and is discarded: await the work that registers it'
    this.#settings.logger.warn(taskFields(task), `\`${task.name}\` ${why}`)
    this.#settleUnrun(task, 'discarded')
  }

  #runsOutside(task: Task): boolean {
    const policy = this.#settings.options.outsideTransaction
    if (policy === 'throw') throw new NoTransactionError(`\`afterCommit\` for \`${task.name}\``)
    if (policy === 'discard') this.#settleUnrun(task, 'discarded')
    if (policy === 'warn') {
      const message = `\`${task.name}\` was registered outside a transaction and runs at once`
      this.#settings.logger.warn(taskFields(task), message)
    }
    return policy !== 'discard'
  }

  /** The pool has never seen it as accepted, and it will not. */
  #settleUnrun(task: Task, status: 'discarded' | 'unknown', error?: unknown): void {
    task.pool.release(task)
    if (!task.outcome) task.pool.finish(task, { status, attempts: 0, ...(error !== undefined && { error }) })
  }

  requestId(): string | undefined {
    try {
      const id: unknown = this.#settings.options.requestId?.()
      // Whatever the types say, a request id of pino-http may be a number.
      return typeof id === 'string' || id === undefined ? id : inspect(id)
    } catch (error) {
      this.#settings.logger.error({ err: error }, 'the option requestId threw, so the task carries no request id')
      return undefined
    }
  }
}
