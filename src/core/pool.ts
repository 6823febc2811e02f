import PQueue from 'p-queue'
import { attempt, type AttemptSettings, type Failure, inContextOf } from './attempt.js'
import { PoolFullError } from './errors.js'
import { mergeRetry, type Overflow, type RateLimit, type RetryOptions } from './options.js'
import { retry } from './retry.js'
import type { Task, TaskOutcome } from './task.js'
import type { Turn } from './turn.js'

export interface PoolSettings extends AttemptSettings, RateLimit {
  readonly concurrency: number
  readonly maxPending: number
  readonly overflow: Overflow
  readonly retry: Required<RetryOptions>
  readonly turn: Turn
  /** Called once for each task, when it has its outcome. */
  readonly onFinished: (task: Task, outcome: TaskOutcome) => void
}

/**
 * A bounded pool. p-queue hands out the slots; what waits for one stays here, in order, so that it can be counted, dropped and
 * cancelled. A slot runs waiting tasks one after another, and gives the event loop its turn in between.
 *
 *   accept ─▶ waiting ─▶ running ─▶ succeeded
 *                ▲          │ failed
 *                │          ├──▶ failed for good
 *                └── backing off ◀┘          (holds no slot)
 */
export class Pool {
  readonly pending = new Set<Task>()
  /** Tasks that run in the promise of their `$transaction`: the pool was full, and the policy is 'caller-runs'. */
  readonly callerRunning = new Set<Task>()
  readonly gauges = { waiting: 0, running: 0, 'backing-off': 0 }
  reserved = 0
  /** Once true, whatever is handed over is interrupted. */
  closed = false
  readonly #settings: PoolSettings
  readonly #slots: PQueue
  readonly #waiting = new Set<Task>()
  #waitingInOrder = this.#waiting.values()
  /** Jobs that p-queue has been given to run waiting tasks. */
  #jobs = 0

  constructor(settings: PoolSettings) {
    const { concurrency, intervalCap = Infinity, interval = 0 } = settings
    this.#settings = settings
    this.#slots = new PQueue({ concurrency, intervalCap, interval })
  }

  get isFull(): boolean {
    return this.pending.size + this.reserved >= this.#settings.maxPending
  }

  /** Keeps a place for a task whose transaction is still open. @throws PoolFullError when there is none. */
  reserve(task: Task): void {
    if (this.isFull) throw new PoolFullError(task.name, this.#settings.maxPending)
    this.reserved++
    task.reserved = true
  }

  release(task: Task): void {
    if (task.reserved) this.reserved--
    task.reserved = false
  }

  /**
   * Takes a task over. From here on it has exactly one outcome.
   *
   * @param callerCanRun Whether there is a `$transaction` whose promise can wait for it.
   * @returns Whether that caller must run it now, with `runByCaller`.
   */
  accept(task: Task, callerCanRun = false): boolean {
    const overflows = !task.reserved && this.isFull
    this.release(task)
    const settled: TaskOutcome | undefined =
      task.outcome ?? // cancelled before its transaction committed
      (this.closed ? { status: 'interrupted', attempts: 0 } : undefined)
    const byCaller = !settled && overflows && callerCanRun && this.#overflowOf(task) === 'caller-runs'
    const refusal = settled ?? (overflows && !byCaller ? this.#makeRoom(task) : undefined)
    if (byCaller) {
      task.state = 'waiting'
      this.callerRunning.add(task)
    } else if (!refusal) {
      this.pending.add(task)
      task.acceptedAt = Date.now()
      this.#wait(task)
    }
    this.#settings.events.emitTask('accepted', task)
    if (refusal) this.finish(task, refusal)
    return byCaller
  }

  /** Runs a task to its end outside the slots. */
  async runByCaller(task: Task): Promise<void> {
    if (task.outcome) return
    await inContextOf(task, this.#settings.context, async () => {
      const again = (): Promise<Failure | undefined> => this.#attempt(task)
      const failure = await again()
      if (failure) await this.#retry(task, failure, again)
    })
  }

  /** Gives a task its outcome; only the first counts, so what an abandoned or interrupted attempt returns is ignored. */
  finish(task: Task, outcome: TaskOutcome): void {
    this.#waiting.delete(task)
    this.callerRunning.delete(task)
    if (this.pending.delete(task)) this.gauges[task.state as keyof Pool['gauges']]--
    this.#settings.onFinished(task, outcome)
  }

  /** Ends everything that is unfinished, now. */
  interrupt(reason: Error): void {
    this.closed = true
    for (const task of [...this.pending, ...this.callerRunning]) {
      task.interrupt?.(reason)
      this.finish(task, { status: 'interrupted', attempts: task.attempts })
    }
  }

  #overflowOf(task: Task): Overflow {
    return task.options.overflow ?? this.#settings.overflow
  }

  /** The pool is full: drops another task, or answers with what becomes of this one. */
  #makeRoom(task: Task): TaskOutcome | undefined {
    const overflow = this.#overflowOf(task)
    const oldest = overflow === 'drop-oldest' ? this.#waiting.values().next().value : undefined
    // What nobody can refuse or run any more, a late registration or one outside a transaction, is recorded.
    if (!oldest) return { status: overflow.startsWith('drop') ? 'dropped' : 'rejected', attempts: 0 }
    this.reserved++ // a listener that registers a task must not take the place
    this.finish(oldest, { status: 'dropped', attempts: oldest.attempts })
    this.reserved--
    return undefined
  }

  #move(task: Task, state: keyof Pool['gauges']): void {
    if (this.pending.has(task)) {
      if (task.state in this.gauges) this.gauges[task.state as keyof Pool['gauges']]--
      this.gauges[state]++
    }
    task.state = state
  }

  #wait(task: Task): void {
    this.#move(task, 'waiting')
    this.#waiting.add(task)
    // With a rate limit, p-queue must see each attempt as a job of its own; else one job a slot is enough.
    const single = this.#settings.intervalCap !== undefined
    if (this.#jobs >= (single ? this.#waiting.size : this.#settings.concurrency)) return
    this.#jobs++
    void this.#slots.add(() => this.#serve(single))
  }

  /** One slot at work: for one task, or until nothing waits. */
  async #serve(single: boolean): Promise<void> {
    const { context, turn } = this.#settings
    if (single) this.#jobs--
    await turn.next() // never inline: whoever registered goes on first
    for (let task = this.#next(); task; task = single ? undefined : this.#next()) {
      if (turn.isOver) await turn.next()
      const current = task
      // It may have been cancelled, dropped or interrupted while the event loop had its turn.
      if (!current.outcome) await inContextOf(current, context, () => this.#runInSlot(current))
    }
    if (!single) this.#jobs--
  }

  #next(): Task | undefined {
    if (this.#waiting.size === 0) return undefined
    // The iterator is kept, because a new one would walk over the places of all tasks taken before.
    let next = this.#waitingInOrder.next()
    if (next.done) {
      this.#waitingInOrder = this.#waiting.values()
      next = this.#waitingInOrder.next()
    }
    if (next.value) this.#waiting.delete(next.value)
    return next.value
  }

  async #runInSlot(task: Task): Promise<void> {
    const failure = await this.#attempt(task)
    const { resume } = task
    task.resume = undefined
    if (resume) return resume(failure)
    const again = (): Promise<Failure | undefined> =>
      new Promise((resolve) => {
        task.resume = resolve
        this.#wait(task)
      })
    if (failure) void this.#retry(task, failure, again)
  }

  async #attempt(task: Task): Promise<Failure | undefined> {
    this.#move(task, 'running')
    const failure = await attempt(task, { ...this.#settings, timeout: task.options.timeout ?? this.#settings.timeout })
    if (task.outcome) return undefined // interrupted meanwhile
    // Before anything asynchronous: the slot goes on to the next task now, and the numbers must say so.
    if (failure) this.#move(task, 'backing-off')
    else this.finish(task, { status: 'succeeded', attempts: task.attempts })
    return failure
  }

  async #retry(task: Task, first: Failure, again: () => Promise<Failure | undefined>): Promise<void> {
    const { events, retry: options } = this.#settings
    const last = await retry(task, first, again, { events, options: mergeRetry(options, task.options.retry) })
    if (last && !task.outcome) this.finish(task, { status: 'failed', attempts: task.attempts, error: last.error })
  }
}
