import { type AfterCommitOptions, knownQueue } from './options.js'
import { Pool, type PoolSettings } from './pool.js'
import type { Task } from './task.js'

/** The pools of an instance: its own, and one for each of its named queues. */
export class Queues {
  readonly all: readonly Pool[]
  readonly #own: Pool
  readonly #named: ReadonlyMap<string, Pool>
  readonly #options: AfterCommitOptions

  constructor(options: AfterCommitOptions, settings: PoolSettings) {
    this.#options = options
    this.#own = new Pool(settings)
    this.#named = new Map(
      Object.entries(options.queues ?? {}).map(([name, queue]) => [name, new Pool({ ...settings, ...queue })]),
    )
    this.all = [this.#own, ...this.#named.values()]
  }

  /** The pool of a task. @throws OptionsError for a queue that the instance does not have. */
  of({ options }: Pick<Task, 'options'>): Pool {
    knownQueue(this.#options, options.queue)
    return this.#named.get(options.queue ?? '') ?? this.#own
  }

  /** Takes over the tasks of a commit, or one without a transaction. @returns What a `$transaction` that can wait must wait for. */
  accept(tasks: readonly Task[], callerCanRun: boolean): Promise<void> | undefined {
    const byCaller = tasks.filter((task) => this.of(task).accept(task, callerCanRun))
    return byCaller.length > 0 ? this.#runByCaller(byCaller) : undefined
  }

  /** One after the other: it is back-pressure, and not another pool. */
  async #runByCaller(tasks: readonly Task[]): Promise<void> {
    for (const task of tasks) await this.of(task).runByCaller(task)
  }

  get closed(): boolean {
    return this.#own.closed
  }

  /** Nothing is pending, and no caller runs anything. */
  get isIdle(): boolean {
    return this.all.every(({ pending, callerRunning }) => pending.size + callerRunning.size === 0)
  }

  /** The longest pending task. */
  get oldest(): Task | undefined {
    const firsts = this.all.flatMap(({ pending: [first] }) => first ?? [])
    return firsts.toSorted((a, b) => a.acceptedAt - b.acceptedAt)[0]
  }

  sum(count: (pool: Pool) => number): number {
    return this.all.reduce((total, pool) => total + count(pool), 0)
  }

  interrupt(reason: Error): void {
    for (const pool of this.all) pool.interrupt(reason)
  }
}
