import PQueue from 'p-queue'
import type { Attempt } from './attempt.js'
import { OptionsError } from './errors.js'
import type { Line } from './line.js'
import type { RateLimit } from './options.js'
import type { Task } from './task.js'
import type { Turn } from './turn.js'

/** What can be changed of a queue while it works; names and meaning are p-queue's. */
export interface QueueControl {
  /** Attempts that run at the same time. What runs goes on. @throws OptionsError for anything but an integer from 1 and up. */
  concurrency: number
  readonly isPaused: boolean
  /** No attempt begins until `start()`. What waits when `close()` runs out of time is interrupted. */
  pause(): void
  start(): void
}

/**
 * The slots in which tasks run. p-queue hands them out, and what it is given are slices: a slice runs waiting tasks one after
 * another until none waits or the turn of the event loop is over. So p-queue and its promises cost a slice, and not a task.
 */
export class Slots implements QueueControl {
  /** Once true, nothing begins any more. */
  closed = false
  readonly #turn: Turn
  readonly #waiting: Line
  readonly #attempt: (task: Task, at: number) => Attempt
  readonly #slots: PQueue
  /** With a rate limit each attempt is a slice, because p-queue counts what it starts. */
  readonly #single: boolean
  /** Slices that p-queue has been given and that have not ended. */
  #slices = 0
  /** Those of them that wait for an asynchronous task. */
  #held = 0

  constructor(
    settings: RateLimit & { readonly concurrency: number; readonly turn: Turn },
    waiting: Line,
    attempt: (task: Task, at: number) => Attempt,
  ) {
    const { concurrency, intervalCap = Infinity, interval = 0, turn } = settings
    this.#turn = turn
    this.#waiting = waiting
    this.#attempt = attempt
    this.#slots = new PQueue({ concurrency, intervalCap, interval })
    this.#single = intervalCap !== Infinity
  }

  get concurrency(): number {
    return this.#slots.concurrency
  }

  set concurrency(concurrency: number) {
    if (!(Number.isSafeInteger(concurrency) && concurrency >= 1)) {
      throw OptionsError.expected('concurrency', 'an integer from 1 and up', concurrency)
    }
    this.#slots.concurrency = concurrency
    this.fill()
  }

  get isPaused(): boolean {
    return this.#slots.isPaused
  }

  pause(): void {
    this.#slots.pause()
  }

  start(): void {
    this.#slots.start()
  }

  /** To be called when a task waits. */
  fill(): void {
    const wanted = this.#held + this.#waiting.size
    const limit = this.#single ? Infinity : this.concurrency
    while (this.#slices < Math.min(wanted, limit)) {
      this.#slices++
      // Never inline: whoever registered goes on first.
      void this.#slots.add(() => new Promise<void>((end) => this.#turn.next(this, () => this.#begin(end))))
    }
  }

  #begin(end: () => void): void {
    const goOn = (): void => {
      this.#held--
      if (this.#single) this.#endSlice(end)
      else this.#slice(end, goOn)
    }
    // What p-queue has counted against the rate limit must run something.
    if (this.#single && this.#turn.isOver) this.#turn.next(this, () => this.#begin(end))
    else this.#slice(end, goOn)
  }

  /** Goes on until it has to wait for a task; when that ends, it is taken up again. */
  #slice(end: () => void, goOn: () => void): void {
    while (this.#mayBegin) {
      const task = this.#waiting.shift()
      if (!task) break
      const attempt = this.#attempt(task, this.#turn.at)
      attempt.start(goOn)
      if (!attempt.ended) {
        this.#held++
        return this.fill() // it may have registered tasks that wait for a slot
      }
      if (this.#single) break
    }
    this.#endSlice(end)
  }

  get #mayBegin(): boolean {
    const { concurrency, isPaused, pending } = this.#slots
    return !this.closed && !isPaused && pending <= concurrency && !this.#turn.isOver
  }

  #endSlice(end: () => void): void {
    this.#slices--
    end()
    this.fill()
  }
}
