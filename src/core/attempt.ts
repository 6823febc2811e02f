import { now } from './clock.js'
import type { Deadlines } from './deadlines.js'
import type { Events } from './events.js'
import { taskFields } from './logging.js'
import type { Logger } from './options.js'
import type { Task, TaskContext } from './task.js'

export interface AttemptSettings {
  readonly abortGrace: number
  readonly events: Events
  readonly logger: Logger
  readonly deadlines: Deadlines
  /** Attempts that ran past `abortGrace` and have not ended yet. */
  readonly abandoned: Set<object>
  /** Called once for each attempt, in the task's context: from within `start` where the task is synchronous. */
  readonly onEnd: (task: Task, failure: Failure | undefined) => void
}

/**
 * What an attempt failed with. A wrapper, because anything can be thrown, `undefined` included. An error, because p-retry takes
 * nothing else, but without what `extends Error` would cost: a stack each.
 */
export class Failure {
  static {
    Object.setPrototypeOf(this.prototype, Error.prototype)
  }

  readonly error: unknown

  constructor(error: unknown) {
    this.error = error
  }
}

/**
 * One run of a task, and what the running task is given. What costs something, the signal and the logger, is made when the task
 * looks at it.
 *
 *   running ──ends──▶ done
 *      │ timeout: the signal is aborted
 *      ▼
 *   aborted ──ends within abortGrace──▶ done (resolved: the work is done, if late; rejected: a TimeoutError)
 *      │ abortGrace is over
 *      ▼
 *   abandoned: a failed attempt whose slot is free; it may still run, and what it returns is ignored
 */
export class Attempt implements TaskContext {
  static readonly #begin = (attempt: Attempt): void => attempt.#run()

  readonly attempt: number
  deadline = Infinity
  place = 0
  ended = false
  readonly #task: Task
  readonly #at: number
  readonly #timeout: number
  readonly #settings: AttemptSettings
  #whenEnded: (() => void) | undefined
  #controller: AbortController | undefined
  #aborted: Error | undefined
  #timedOut: Error | undefined
  #log: Logger | undefined

  /** @param at By `now()`. */
  constructor(task: Task, timeout: number, settings: AttemptSettings, at: number) {
    this.#task = task
    this.#timeout = timeout
    this.#settings = settings
    this.#at = at
    this.attempt = ++task.attempts
  }

  get id(): string {
    return this.#task.id
  }

  get name(): string {
    return this.#task.name
  }

  get messageId(): string | undefined {
    return this.#task.source.message?.messageId
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#aborted && !this.#controller.signal.aborted) this.#controller.abort(this.#aborted)
    return this.#controller.signal
  }

  get log(): Logger {
    const { logger } = this.#settings
    return (this.#log ??= logger.child?.({ ...taskFields(this.#task), attempt: this.attempt }) ?? logger)
  }

  /**
   * To be called once. Where the task is synchronous, it has `ended` afterwards; otherwise `whenEnded` will be called.
   */
  start(whenEnded?: () => void): void {
    this.#task.inContext(Attempt.#begin, this)
    this.#whenEnded = whenEnded
  }

  #run(): void {
    const { deadlines, events } = this.#settings
    this.#task.doing = this
    events.of.started.emitTask(this.#task)
    if (this.ended) return // a listener has closed the pool
    let result: unknown
    try {
      result = this.#task.run(this)
    } catch (error) {
      return this.#end(new Failure(error))
    }
    if ((typeof result !== 'object' && typeof result !== 'function') || result === null) return this.#end()
    this.deadline = this.#at + this.#timeout
    if (this.deadline !== Infinity) deadlines.add(this)
    // Methods, and no closures: see `TransactionWatcher.#run`.
    Promise.resolve(result).then(this.#resolved.bind(this), this.#rejected.bind(this))
  }

  /** The timeout is over, or the grace after it. */
  expire(): void {
    const { abandoned, abortGrace, deadlines, events } = this.#settings
    this.#task.inContext(() => {
      if (this.#timedOut) {
        abandoned.add(this)
        events.of.abandoned.emitTask(this.#task)
        return this.#end(new Failure(this.#timedOut))
      }
      this.#timedOut = new Error(`Attempt ${this.attempt} of \`${this.name}\` took longer than ${this.#timeout} ms`)
      this.#timedOut.name = 'TimeoutError'
      // A thread is ended after the grace, which ends the attempt: nothing can be abandoned.
      if (!this.#task.source.module) {
        this.deadline = now() + abortGrace
        deadlines.add(this)
      }
      this.#abort(this.#timedOut)
    })
  }

  /** Ends it for the pool; the task is told by its signal. */
  interrupt(reason: Error): void {
    this.#task.inContext(() => {
      this.#abort(reason)
      this.#end()
    })
  }

  #abort(reason: Error): void {
    this.#aborted = reason
    this.#controller?.abort(reason)
  }

  #resolved(): void {
    if (this.ended) this.#settings.abandoned.delete(this)
    else this.#end()
  }

  #rejected(error: unknown): void {
    if (this.ended) return void this.#settings.abandoned.delete(this)
    if (this.#timedOut) this.#timedOut.cause = error
    this.#end(new Failure(this.#timedOut ?? error))
  }

  #end(failure?: Failure): void {
    if (this.ended) return // an abort listener may have ended it
    this.ended = true
    this.#task.doing = undefined
    if (failure || this.#aborted) this.#task.attemptedInVain(this.#at)
    this.#settings.onEnd(this.#task, failure)
    this.#whenEnded?.()
    // Last, so that an attempt which has begun by now takes over the timer.
    if (this.deadline !== Infinity) this.#settings.deadlines.delete(this)
  }
}
