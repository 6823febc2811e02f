import type { Events } from './events.js'
import { type AfterCommitOptions, knownQueue } from './options.js'
import { Pool, type PoolSettings } from './pool.js'
import type { Slots } from './slots.js'
import type { QueueStats } from './stats.js'
import { timeOfDay, type Task, type TaskOutcome, type TaskParts } from './task.js'
import { type OpenThreads, threadsFor } from './threads.js'

/** The pools of an instance: its own, one for each of its named queues, and one for what runs in threads. */
export class Queues {
  readonly all: readonly Pool[]
  readonly #own: Pool
  readonly #named: ReadonlyMap<string, Pool>
  readonly #threads: { readonly pool: Pool; readonly open: OpenThreads } | undefined
  readonly #options: AfterCommitOptions
  readonly #events: Events

  constructor(options: AfterCommitOptions, settings: PoolSettings) {
    this.#options = options
    this.#events = settings.events
    this.#own = new Pool(settings)
    this.#named = new Map(
      Object.entries(options.queues ?? {}).map(([name, queue]) => [name, new Pool({ ...settings, ...queue })]),
    )
    const { threads } = options
    this.#threads = threads && {
      pool: new Pool({
        ...settings,
        concurrency: threads.size,
        maxPending: threads.maxPending ?? settings.maxPending,
      }),
      open: threads.open(settings),
    }
    this.all = [this.#own, ...this.#named.values(), ...(this.#threads ? [this.#threads.pool] : [])]
  }

  /** The pool of a task. @throws OptionsError for a queue, or for threads, that the instance does not have. */
  of({ name, source: { options, module } }: TaskParts): Pool {
    if (module) return threadsFor(this.#threads, name).pool
    if (options.queue === undefined) return this.#own
    knownQueue(this.#options, options.queue)
    return this.#named.get(options.queue) ?? this.#own
  }

  /** The slots of a named queue, or of the instance's own. @throws OptionsError for a name that it does not have. */
  slotsOf(name: string | undefined): Slots {
    knownQueue(this.#options, name)
    return (this.#named.get(name ?? '') ?? this.#own).slots
  }

  /** The same parts, unless the task is one for a thread: then what it runs is the call of the thread. */
  runnable(parts: TaskParts): TaskParts {
    const { module, payload } = parts.source
    if (!module) return parts
    const { open } = threadsFor(this.#threads, parts.name)
    return { ...parts, run: (context) => open.run(module, payload ?? '', context) }
  }

  stats(): readonly QueueStats[] {
    const { pool: threads } = this.#threads ?? {}
    return [
      this.#own.stats('default'),
      ...Array.from(this.#named, ([name, pool]) => pool.stats(name)),
      ...(threads ? [threads.stats('threads')] : []),
    ]
  }

  /** Takes over the tasks of a commit, or one without a transaction. @returns What a `$transaction` that can wait must wait for. */
  accept(tasks: readonly Task[], callerCanRun: boolean, at = timeOfDay()): Promise<void> | undefined {
    let byCaller: Task[] | undefined
    for (const task of tasks) if (task.pool.accept(task, callerCanRun, at)) (byCaller ??= []).push(task)
    return byCaller && this.#runByCaller(byCaller)
  }

  /** Takes a task over that no pool will run: it has its outcome. */
  conclude(task: Task, outcome: TaskOutcome): void {
    task.pool.release(task)
    this.#events.of.accepted.emitTask(task)
    task.pool.finish(task, outcome)
  }

  /** One after the other: it is back-pressure, and not another pool. */
  async #runByCaller(tasks: readonly Task[]): Promise<void> {
    for (const task of tasks) await task.pool.runByCaller(task)
  }

  get closed(): boolean {
    return this.#own.closed
  }

  /** Nothing is pending, and no caller runs anything. */
  get isIdle(): boolean {
    return this.all.every(({ pending, callerRunning }) => pending + callerRunning.size === 0)
  }

  sum(count: (pool: Pool) => number): number {
    return this.all.reduce((total, pool) => total + count(pool), 0)
  }

  interrupt(reason: Error): void {
    for (const pool of this.all) pool.interrupt(reason)
  }

  /** Resolves when no thread is left. */
  async close(): Promise<void> {
    await this.#threads?.open.close()
  }
}
