import { OptionsError } from './errors.js'
import type { FailureRecord } from './failure-log.js'
import type { TaskHandle } from './task.js'

interface Of {
  readonly task: TaskHandle
}

/** What happened, by name. Every task event carries the task's handle; `error` is what was thrown, untouched. */
export interface AfterCommitEvents {
  /** Handed over by a committed transaction, or registered outside one. */
  accepted: Of
  /** An attempt begins; `attempt` counts from 1. */
  started: Of & { readonly attempt: number }
  /** An attempt failed and another one follows after the backoff. */
  retrying: Of & { readonly attempt: number; readonly error: unknown; readonly retriesLeft: number }
  succeeded: Of
  /** Failed for good. */
  failed: Of & { readonly error: unknown }
  /** Not run, because the pool was full. */
  rejected: Of
  /** Not run, because the pool was full and the policy was to drop it. */
  dropped: Of
  /** Unfinished when the deadline of `close()` came. */
  interrupted: Of
  /** Withdrawn by its owner before it started. */
  cancelled: Of
  /** Its transaction or savepoint rolled back, or the `outsideTransaction` policy is to discard. */
  discarded: Of
  /** Nobody knows whether its transaction committed. */
  unknown: Of & { readonly error: unknown }
  /** A timed-out attempt ignored its signal past `abortGrace`; its slot was freed while it still runs. */
  abandoned: Of & { readonly attempt: number }
  /** The failure log could not be written; the records have gone to the logger at `fatal`. */
  failureLogError: { readonly error: unknown; readonly records: readonly FailureRecord[] }
}

export type AfterCommitEventName = keyof AfterCommitEvents
export type AfterCommitListener<N extends AfterCommitEventName> = (event: AfterCommitEvents[N]) => unknown

const names = [
  'accepted',
  'started',
  'retrying',
  'succeeded',
  'failed',
  'rejected',
  'dropped',
  'interrupted',
  'cancelled',
  'discarded',
  'unknown',
  'abandoned',
  'failureLogError',
] as const satisfies readonly AfterCommitEventName[]

/** Typed events whose listeners can neither stop one another nor what emitted. Counts what it emits. */
export class Events {
  readonly counts: Record<AfterCommitEventName, number>
  readonly #listeners = new Map<string, Set<AfterCommitListener<never>>>()
  readonly #onListenerError: (error: unknown, event: string) => void

  constructor(onListenerError: (error: unknown, event: string) => void) {
    this.#onListenerError = onListenerError
    this.counts = Object.fromEntries(names.map((name) => [name, 0])) as Record<AfterCommitEventName, number>
    for (const name of names) this.#listeners.set(name, new Set())
  }

  on<N extends AfterCommitEventName>(name: N, listener: AfterCommitListener<N>): () => void {
    const listeners = this.#listeners.get(name)
    if (!listeners) throw OptionsError.expected('event', `one of ${names.join(', ')}`, name)
    if (typeof listener !== 'function') throw OptionsError.expected('listener', 'a function', listener)
    // An own wrapper per call: the same function may listen twice, and each removal takes away its own.
    const own: AfterCommitListener<N> = (event) => listener(event)
    listeners.add(own)
    return () => void listeners.delete(own)
  }

  emit<N extends AfterCommitEventName>(name: N, event: AfterCommitEvents[N]): void {
    this.counts[name]++
    const listeners = this.#listeners.get(name) as Set<AfterCommitListener<N>>
    for (const listener of listeners) {
      try {
        const result = listener(event)
        // An async listener: its rejection must not become an unhandled one.
        if (typeof result === 'object' && result !== null && 'then' in result) {
          Promise.resolve(result).catch((error: unknown) => this.#onListenerError(error, name))
        }
      } catch (error) {
        this.#onListenerError(error, name)
      }
    }
  }
}
