import PQueue from 'p-queue'
import pRetry from 'p-retry'
import { attempt, type AttemptSettings, Failure, inContextOf } from './attempt.js'
import { PoolFullError } from './errors.js'
import { mergeRetry, type Overflow, type RetryOptions } from './options.js'
import type { Task, TaskOutcome } from './task.js'

export interface PoolSettings extends AttemptSettings {
  readonly concurrency: number
  readonly maxPending: number
  readonly overflow: Overflow
  readonly retry: Required<RetryOptions>
  /** Called once for each accepted task, when it has its outcome. */
  readonly onFinished: (task: Task, outcome: TaskOutcome) => void
}

/**
 * The bounded pool. p-queue hands out the slots; what waits for one stays here, in order, so that it can be counted, dropped
 * and cancelled. A slot runs waiting tasks one after another and gives the event loop a turn after `turn` milliseconds.
 *
 *   accept ─▶ waiting ─▶ running ─▶ succeeded
 *                ▲          │ failed
 *                │          ├──▶ failed for good
 *                └── backing off ◀┘          (holds no slot)
 */
export class Pool {
  readonly pending = new Set<Task>()
  readonly gauges = { waiting: 0, running: 0, 'backing-off': 0 }
  reserved = 0
  /** Once true, whatever is handed over is interrupted. */
  closed = false
  readonly #settings: PoolSettings
  readonly #slots: PQueue
  readonly #waiting = new Set<Task>()
  #waitingInOrder = this.#waiting.values()
  #slotsInUse = 0
  #turnStart = 0
  #nextTurn: Promise<void> | undefined

  constructor(settings: PoolSettings) {
    this.#settings = settings
    this.#slots = new PQueue({ concurrency: settings.concurrency })
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

  /** Takes a task over. From here on it has exactly one outcome. */
  accept(task: Task): void {
    const { events } = this.#settings
    const overflows = !task.reserved && this.isFull
    this.release(task)
    const refusal =
      task.outcome ?? // cancelled before its transaction committed
      (this.closed ? { status: 'interrupted' as const, attempts: 0 } : overflows ? this.#overflow(task) : undefined)
    if (!refusal) {
      this.pending.add(task)
      task.acceptedAt = Date.now()
      this.#wait(task)
    }
    events.emitTask('accepted', task)
    if (refusal) this.finish(task, refusal)
  }

  /** Gives a task its outcome; only the first counts, so what an abandoned or interrupted attempt returns is ignored. */
  finish(task: Task, outcome: TaskOutcome): void {
    this.#waiting.delete(task)
    if (task.state in this.gauges) this.gauges[task.state as keyof Pool['gauges']]--
    this.pending.delete(task)
    this.#settings.onFinished(task, outcome)
  }

  /** Ends everything that is unfinished, now. */
  interrupt(reason: Error): void {
    this.closed = true
    for (const task of this.pending) {
      task.interrupt?.(reason)
      this.finish(task, { status: 'interrupted', attempts: task.attempts })
    }
  }

  /** The pool is full: makes room for the task, or answers with what becomes of it instead. */
  #overflow(task: Task): TaskOutcome | undefined {
    const overflow = task.options.overflow ?? this.#settings.overflow
    const oldest = overflow === 'drop-oldest' ? this.#waiting.values().next().value : undefined
    // A late registration and one outside a transaction cannot be refused after the fact: they are recorded.
    if (!oldest) return { status: overflow.startsWith('drop') ? 'dropped' : 'rejected', attempts: 0 }
    this.reserved++ // a listener that registers a task must not take the place
    this.finish(oldest, { status: 'dropped', attempts: oldest.attempts })
    this.reserved--
    return undefined
  }

  #move(task: Task, state: 'waiting' | 'running' | 'backing-off'): void {
    if (task.state in this.gauges) this.gauges[task.state as keyof Pool['gauges']]--
    this.gauges[state]++
    task.state = state
  }

  #wait(task: Task): void {
    this.#move(task, 'waiting')
    this.#waiting.add(task)
    if (this.#slotsInUse >= this.#settings.concurrency) return
    this.#slotsInUse++
    void this.#slots.add(() => this.#serve())
  }

  /** One slot at work, until nothing waits. */
  async #serve(): Promise<void> {
    await this.#yield() // never inline: whoever registered goes on first
    for (let task = this.#next(); task; task = this.#next()) {
      if (performance.now() - this.#turnStart > turn) await this.#yield()
      // It may have been cancelled, dropped or interrupted while the event loop had its turn.
      if (!task.outcome) await inContextOf(task, this.#settings.context, () => this.#attempt(task))
    }
    this.#slotsInUse--
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

  /** All slots share one turn: ten of them, each with a turn of its own, would hold the event loop ten times as long. */
  #yield(): Promise<void> {
    this.#nextTurn ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#nextTurn = undefined
        this.#turnStart = performance.now()
        resolve()
      })
    })
    return this.#nextTurn
  }

  async #attempt(task: Task): Promise<void> {
    this.#move(task, 'running')
    const failure = await attempt(task, { ...this.#settings, timeout: task.options.timeout ?? this.#settings.timeout })
    if (task.outcome) return // interrupted meanwhile
    // Before anything asynchronous: the slot goes on to the next task now, and the numbers must say so.
    if (failure) this.#move(task, 'backing-off')
    else this.finish(task, { status: 'succeeded', attempts: task.attempts })
    const { resume } = task
    task.resume = undefined
    if (resume) resume(failure)
    else if (failure) void this.#retry(task, failure)
  }

  /** p-retry paces the further attempts, outside the slots. It is entered only now, since most tasks succeed at once. */
  async #retry(task: Task, first: Failure): Promise<void> {
    const { events, retry } = this.#settings
    const backoff = new AbortController()
    const again = (): Promise<Failure | undefined> =>
      new Promise((resolve) => {
        task.resume = resolve as (failure: unknown) => void
        this.#wait(task)
      })
    try {
      await pRetry(
        async (n) => {
          const failure = n === 1 ? first : await again()
          if (failure) throw failure
        },
        {
          ...mergeRetry(retry, task.options.retry),
          signal: backoff.signal,
          shouldRetry: ({ error }) => !isAbortError((error as Failure).error),
          onFailedAttempt: ({ error, retriesLeft }) => {
            const cause = (error as Failure).error
            if (retriesLeft === 0 || isAbortError(cause)) return
            task.interrupt = (reason) => backoff.abort(reason)
            events.emitTask('retrying', task, { error: cause, retriesLeft })
          },
        },
      )
    } catch (failure) {
      if (task.outcome) return // interrupted meanwhile
      const thrown = failure instanceof Failure ? failure.error : failure
      const error = isAbortError(thrown) ? thrown.originalError : thrown
      this.finish(task, { status: 'failed', attempts: task.attempts, error })
    }
  }
}

/** Milliseconds that tasks may run back to back before timers and I/O get their turn. */
const turn = 5

/** p-retry's AbortError, of whichever copy of p-retry: "do not try again". fetch's error of that name has no `originalError`. */
function isAbortError(error: unknown): error is Error & { readonly originalError: Error } {
  try {
    return error instanceof Error && error.name === 'AbortError' && 'originalError' in error
  } catch {
    return false // a getter of it throws
  }
}
