import { Attempt, type AttemptSettings, type Failure } from './attempt.js'
import { now } from './clock.js'
import type { ContextCarrier } from './context.js'
import { PoolFullError } from './errors.js'
import { Line } from './line.js'
import { mergeRetry, type Overflow, type RetryOptions } from './options.js'
import { retry } from './retry.js'
import { Slots, type SlotSettings } from './slots.js'
import type { QueueStats } from './stats.js'
import type { Task, TaskOutcome } from './task.js'

export interface PoolSettings extends Omit<AttemptSettings, 'onEnd'>, SlotSettings {
  readonly context: ContextCarrier
  readonly maxPending: number
  readonly overflow: Overflow
  readonly retry: Required<RetryOptions>
  readonly timeout: number
  /** Called once for each task, when it has its outcome. */
  readonly onFinished: (task: Task, outcome: TaskOutcome) => void
}

/** Shared: a fresh object that an old task points to outlives it, which makes collecting the garbage of a burst dearer. */
const succeeded: TaskOutcome = { status: 'succeeded', attempts: 1 }

/**
 * A bounded pool. What waits stays here, in order, so that it can be counted, dropped and cancelled; `Slots` takes it from here.
 *
 *   accept ─▶ waiting ─▶ running ─▶ succeeded
 *                ▲          │ failed
 *                │          ├──▶ failed for good
 *                └── backing off ◀┘          (holds no slot)
 */
export class Pool {
  /** Tasks that run in the promise of their `$transaction`: the pool was full, and the policy is 'caller-runs'. */
  readonly callerRunning = new Set<Task>()
  readonly waiting = new Line()
  /** What runs or backs off, in no order: the last one takes the place of one that leaves. */
  readonly #underWay: Task[] = []
  running = 0
  backingOff = 0
  /** Tasks of open transactions for which a place is kept (`overflow: 'refuse'`). */
  readonly reserved = new Set<Task>()
  /** Once true, whatever is handed over is interrupted. */
  closed = false
  readonly #settings: PoolSettings & Pick<AttemptSettings, 'onEnd'>
  readonly slots: Slots
  /** Its tasks look it up here: of their own they would need a word more each. */
  readonly carrier: ContextCarrier

  constructor(settings: PoolSettings) {
    this.carrier = settings.context
    this.#settings = { ...settings, onEnd: (task, failure) => this.#attempted(task, failure) }
    this.slots = new Slots(settings, this.waiting, (task, at) => this.#attempt(task, at))
  }

  /** Tasks that are waiting, running or backing off. */
  get pending(): number {
    return this.waiting.size + this.#underWay.length
  }

  /** When the oldest of them was accepted. */
  get pendingSince(): number {
    return this.#underWay.reduce(
      (since, { acceptedAt }) => Math.min(since, acceptedAt),
      this.waiting.first?.acceptedAt ?? Infinity,
    )
  }

  get saturation(): number {
    return (this.pending + this.reserved.size) / this.#settings.maxPending
  }

  stats(name: string): QueueStats {
    const { concurrency, isPaused } = this.slots
    const { maxPending } = this.#settings
    const { pending, running, backingOff } = this
    const [waiting, reserved] = [this.waiting.size, this.reserved.size]
    return { name, concurrency, maxPending, isPaused, pending, waiting, running, backingOff, reserved }
  }

  /** Keeps a place for a task whose transaction is still open. @throws PoolFullError when there is none. */
  reserve(task: Task): void {
    if (this.saturation >= 1) throw new PoolFullError(task.name, this.#settings.maxPending)
    this.reserved.add(task)
  }

  release(task: Task): boolean {
    return this.reserved.size > 0 && this.reserved.delete(task)
  }

  /**
   * Takes a task over. From here on it has exactly one outcome.
   *
   * @param callerCanRun Whether there is a `$transaction` whose promise can wait for it.
   * @returns Whether that caller must run it now, with `runByCaller`.
   */
  accept(task: Task, callerCanRun: boolean, at: number): boolean {
    const overflows = !this.release(task) && this.saturation >= 1
    const settled: TaskOutcome | undefined =
      task.outcome ?? // cancelled before its transaction committed
      (this.closed ? { status: 'interrupted', attempts: 0 } : undefined)
    const byCaller = !settled && overflows && callerCanRun && this.#overflowOf(task) === 'caller-runs'
    const refusal = settled ?? (overflows && !byCaller ? this.#makeRoom(task) : undefined)
    if (byCaller) {
      task.state = 'waiting'
      this.callerRunning.add(task)
    } else if (!refusal) {
      task.acceptedAt = at
      this.#wait(task)
    }
    this.#settings.events.of.accepted.emitTask(task)
    if (refusal) this.finish(task, refusal)
    return byCaller
  }

  /** Runs a task to its end outside the slots. */
  async runByCaller(task: Task): Promise<void> {
    if (task.outcome) return
    await task.inContext(async () => {
      const again = (): Promise<Failure | undefined> =>
        new Promise((resolve) => {
          task.awaitAttempt(resolve)
          this.#attempt(task, now()).start()
        })
      const failure = await again()
      if (failure) await this.#retry(task, failure, again)
    })
  }

  cancel(task: Task): boolean {
    if (task.attempts > 0 || (task.state !== 'registered' && task.state !== 'waiting')) return false
    const outcome: TaskOutcome = { status: 'cancelled', attempts: 0 }
    // Before the commit it is nobody's yet: it is counted, as accepted and cancelled, when it is handed over.
    if (task.state === 'registered') {
      this.release(task)
      task.settle(outcome)
    } else this.finish(task, outcome)
    return true
  }

  /** Gives a task its outcome; only the first counts, so what an abandoned or interrupted attempt returns is ignored. */
  finish(task: Task, outcome: TaskOutcome): void {
    const { state } = task
    if (!task.outcome) task.settle(outcome)
    if (this.#isByCaller(task)) this.callerRunning.delete(task)
    else if (state === 'waiting') this.waiting.left()
    else if (state === 'running' || state === 'backing-off') this.#leave(task, state)
    this.#settings.onFinished(task, outcome)
  }

  /** Ends everything that is unfinished, now. */
  interrupt(reason: Error): void {
    this.closed = this.slots.closed = true
    const underWay = this.#underWay.toSorted((a, b) => a.order - b.order)
    for (const task of [...underWay, ...this.waiting.all(), ...this.callerRunning]) {
      task.doing?.interrupt(reason)
      if (!task.outcome) this.finish(task, { status: 'interrupted', attempts: task.attempts })
    }
  }

  #overflowOf(task: Task): Overflow {
    return task.options.overflow ?? this.#settings.overflow
  }

  /** The pool is full: drops another task, or answers with what becomes of this one. */
  #makeRoom(task: Task): TaskOutcome | undefined {
    const overflow = this.#overflowOf(task)
    const oldest = overflow === 'drop-oldest' ? this.waiting.first : undefined
    // What nobody can refuse or run any more, a late registration or one outside a transaction, is recorded.
    if (!oldest) return { status: overflow.startsWith('drop') ? 'dropped' : 'rejected', attempts: 0 }
    this.reserved.add(task) // a listener that registers a task must not take the place
    this.finish(oldest, { status: 'dropped', attempts: oldest.attempts })
    this.reserved.delete(task)
    return undefined
  }

  #isByCaller(task: Task): boolean {
    return this.callerRunning.size > 0 && this.callerRunning.has(task)
  }

  #wait(task: Task): void {
    task.state = 'waiting'
    this.waiting.push(task)
    this.slots.fill()
  }

  #leave(task: Task, state: 'running' | 'backing-off'): void {
    if (state === 'running') this.running--
    else this.backingOff--
    const last = this.#underWay.pop()
    if (last && last !== task) {
      this.#underWay[task.place] = last
      last.place = task.place
    }
  }

  #attempt(task: Task, at: number): Attempt {
    if (!this.#isByCaller(task)) {
      this.running++
      task.place = this.#underWay.push(task) - 1
    }
    task.state = 'running'
    return new Attempt(task, task.options.timeout ?? this.#settings.timeout, this.#settings, at)
  }

  #attempted(task: Task, failure: Failure | undefined): void {
    const resume = task.takeResume()
    if (task.outcome || this.closed) return resume?.(undefined) // interrupted
    // Before anything asynchronous: the slot goes on to the next task now, and the numbers must say so.
    if (failure) this.#backOff(task)
    else this.finish(task, task.attempts === 1 ? succeeded : { ...succeeded, attempts: task.attempts })
    if (resume) resume(failure)
    else if (failure) void this.#retry(task, failure, this.#again.bind(this, task))
  }

  #backOff(task: Task): void {
    task.state = 'backing-off'
    if (this.#isByCaller(task)) return
    this.running--
    this.backingOff++
  }

  #again(task: Task): Promise<Failure | undefined> {
    this.#leave(task, 'backing-off')
    this.#wait(task)
    return new Promise((resolve) => task.awaitAttempt(resolve))
  }

  async #retry(task: Task, first: Failure, again: () => Promise<Failure | undefined>): Promise<void> {
    const { events, retry: options } = this.#settings
    const last = await retry(task, first, again, { events, options: mergeRetry(options, task.options.retry) })
    if (last && !task.outcome) this.finish(task, { status: 'failed', attempts: task.attempts, error: last.error })
  }
}
