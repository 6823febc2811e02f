import { OptionsError } from './errors.js'
import type { Logger } from './options.js'
import type { TaskContext } from './task.js'

/** Where the tasks defined with `thread: true` run; `workerThreads()` of `after-commit/threads` makes one. */
export interface Threads {
  /** Threads, and so attempts at the same time, at most. What waits for one waits in a queue of its own. */
  readonly size: number
  /** Of that queue. @default the instance's */
  readonly maxPending?: number
  /** Called once by each instance. */
  open(settings: { readonly abortGrace: number; readonly logger: Logger }): OpenThreads
}

/** The threads of one instance. */
export interface OpenThreads {
  /**
   * Calls the function that the module exports as `run`, in a thread. Settles when it has ended, and at the latest `abortGrace`
   * after the signal: the thread is ended then, so nothing goes on that nobody counts.
   *
   * @param payload JSON text, or empty.
   */
  run(module: URL, payload: string, context: TaskContext): Promise<void>
  /** Waits for what still runs, whose signals have been aborted, and ends all threads. */
  close(): Promise<void>
}

/** The threads that a task needs. @throws OptionsError where the instance has none. */
export function threadsFor<T>(threads: T | undefined, task: string): T {
  if (threads !== undefined) return threads
  throw new OptionsError(
    `The task \`${task}\` runs in a thread, and this instance has none: give it the option \`threads\`, made by ` +
      '`workerThreads()` of `after-commit/threads`.',
  )
}
