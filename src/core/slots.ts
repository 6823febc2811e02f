import PQueue from 'p-queue'
import type { Attempt } from './attempt.js'
import type { CapturedContext } from './context.js'
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

export interface SlotSettings extends RateLimit {
  readonly concurrency: number
  readonly turn: Turn
  /** That of the instance's construction. */
  readonly home: CapturedContext
}

interface Slice {
  readonly begin: () => void
  /** The asynchronous task that it waited for has ended. */
  readonly goOn: () => void
  /** Gives the slot back. */
  readonly end: () => void
}

/**
 * The slots in which tasks run. p-queue hands them out, and what it is given are slices: a slice runs waiting tasks one after
 * another until the turn of the event loop is over, then goes on in the next. One that finds no task keeps its slot until there
 * is one. So p-queue and its promises cost a slot, and not a task.
 */
export class Slots implements QueueControl {
  /** What waits for the turn. */
  readonly ready: (() => void)[] = []
  /** Once true, nothing begins any more. */
  closed = false
  readonly #turn: Turn
  readonly #home: CapturedContext
  readonly #waiting: Line
  readonly #attempt: (task: Task, at: number) => Attempt
  readonly #slots: PQueue
  /** With a rate limit each attempt is a slice, because p-queue counts what it starts. */
  readonly #single: boolean
  /** Slices that p-queue has been given and that have not ended. */
  #slices = 0
  /** Those of them that wait for an asynchronous task. */
  #held = 0
  /** Those of them that have found no task, and keep their slot. */
  readonly #idle: Slice[] = []

  constructor(settings: SlotSettings, waiting: Line, attempt: (task: Task, at: number) => Attempt) {
    const { concurrency, intervalCap = Infinity, interval = 0, turn, home } = settings
    this.#turn = turn
    this.#home = home
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
    this.fill()
  }

  /** To be called when a task waits. Never runs it inline: whoever registered goes on first. */
  fill(): void {
    if (this.closed || this.isPaused) return
    const limit = this.#single ? Infinity : this.concurrency
    while (this.#slices - this.#idle.length < Math.min(this.#held + this.#waiting.size, limit)) {
      const idle = this.#idle.pop()
      if (idle) this.#turn.next(this, idle.begin)
      else this.#add()
    }
  }

  #add(): void {
    this.#slices++
    const take = (end: () => void): void => {
      const slice: Slice = { begin: () => this.#run(slice), goOn: () => this.#goOn(slice), end }
      this.#turn.next(this, slice.begin)
    }
    // It lives as long as the pool: what it keeps alive must not be the context of a request.
    this.#home.runInAsyncScope(() => void this.#slots.add(() => new Promise<void>(take)))
  }

  /** Goes on until it has to wait for a task. */
  #run(slice: Slice): void {
    while (this.#waiting.size > 0 && !this.closed && !this.isPaused && !this.#isExcess) {
      if (this.#turn.isOver) return this.#turn.next(this, slice.begin)
      const task = this.#waiting.shift()
      if (!task) break
      const attempt = this.#attempt(task, this.#turn.at)
      attempt.start(slice.goOn)
      if (!attempt.ended) {
        this.#held++
        return this.fill() // it may have registered tasks that wait for a slot
      }
      if (this.#single) break
    }
    if (this.#single || this.#isExcess) this.#end(slice)
    else this.#idle.push(slice)
  }

  #goOn(slice: Slice): void {
    this.#held--
    if (this.#single) this.#end(slice)
    else this.#run(slice)
  }

  /** The concurrency was lowered: a slice that finds it so gives its slot back. */
  get #isExcess(): boolean {
    return (this.#single ? this.#slots.pending : this.#slices) > this.concurrency
  }

  #end(slice: Slice): void {
    this.#slices--
    slice.end()
    this.fill()
  }
}
