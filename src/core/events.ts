import { OptionsError } from './errors.js'
import type { FailureRecord } from './failure-log.js'
import type { TaskHandle } from './task.js'

/** Something happened to a task. `error` is what was thrown, untouched; `retriesLeft` comes with `retrying` alone. */
export interface TaskEvent {
  readonly task: TaskHandle
  /** The attempts that had started by then. */
  readonly attempt: number
  readonly error?: unknown
  readonly retriesLeft?: number
}

/** The failure log could not be written; the complete records have gone to the logger at `fatal`. */
export interface FailureLogErrorEvent {
  readonly error: unknown
  readonly records: readonly FailureRecord[]
}

const names = [
  'accepted', //        handed over by a committed transaction, or registered outside one
  'started', //         an attempt begins; `attempt` counts from 1
  'retrying', //        an attempt failed, and another one follows after the backoff
  'succeeded',
  'failed', //          for good
  'rejected', //        not run: the pool was full
  'dropped', //         not run: the pool was full, and the overflow policy accepts the loss
  'interrupted', //     unfinished at the deadline of `close()`
  'cancelled', //       withdrawn by its owner before it started
  'stored', //          a durable task: its message is committed, and the relay's from now on
  'discarded', //       its transaction or savepoint rolled back, or the `outsideTransaction` policy discards
  'unknown', //         nobody knows whether its transaction committed
  'abandoned', //       an attempt ignored its signal past `abortGrace`: its slot was freed while it runs on
  'failureLogError',
] as const

export type AfterCommitEventName = (typeof names)[number]
export type AfterCommitEvents = {
  readonly [N in AfterCommitEventName]: N extends 'failureLogError' ? FailureLogErrorEvent : TaskEvent
}
export type AfterCommitListener<N extends AfterCommitEventName> = (event: AfterCommitEvents[N]) => unknown

/** One event: how often it has happened, and who listens. */
class Channel {
  emitted = 0
  /** Replaced when one comes or goes: who is being told goes on as it was. */
  #listeners: readonly ((event: never) => void)[] = []

  /** @param listener Must not throw. */
  add(listener: (event: never) => void): () => void {
    this.#listeners = [...this.#listeners, listener]
    return () => void (this.#listeners = this.#listeners.filter((each) => each !== listener))
  }

  emitTask(task: TaskHandle, more?: Partial<TaskEvent>): void {
    // Most events have no listener, and then there is nothing to make.
    if (this.#listeners.length === 0) this.emitted++
    else this.emit(more ? { task, attempt: task.attempts, ...more } : { task, attempt: task.attempts })
  }

  emit(event: AfterCommitEvents[AfterCommitEventName]): void {
    this.emitted++
    for (const listener of this.#listeners) listener(event as never)
  }
}

/** Typed events whose listeners can neither stop one another nor what emitted. Counts what it emits. */
export class Events {
  /** By name. To look one up by a name that varies costs as much as all the rest of an event that nobody listens to. */
  readonly of = Object.fromEntries(names.map((name) => [name, new Channel()])) as Record<AfterCommitEventName, Channel>
  readonly #onListenerError: (error: unknown, event: string) => void

  constructor(onListenerError: (error: unknown, event: string) => void) {
    this.#onListenerError = onListenerError
  }

  on<N extends AfterCommitEventName>(name: N, listener: AfterCommitListener<N>): () => void {
    if (!names.includes(name)) throw OptionsError.expected('event', `one of ${names.join(', ')}`, name)
    if (typeof listener !== 'function') throw OptionsError.expected('listener', 'a function', listener)
    const onError = (error: unknown): void => this.#onListenerError(error, name)
    // An own wrapper per call: the same function may listen twice, and each removal takes away its own.
    return this.of[name].add((event: AfterCommitEvents[N]) => callSafely(listener, event, onError))
  }
}

/** Calls what the application has given; what it throws, or rejects with later, goes to `onError` and nowhere else. */
export function callSafely<A>(call: (given: A) => unknown, given: A, onError: (error: unknown) => void): void {
  try {
    const result = call(given)
    if (typeof result === 'object' && result !== null && 'then' in result) Promise.resolve(result).catch(onError)
  } catch (error) {
    onError(error)
  }
}
