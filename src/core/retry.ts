import pRetry from 'p-retry'
import { Failure } from './attempt.js'
import type { Events } from './events.js'
import type { RetryOptions } from './options.js'
import type { Task } from './task.js'

/**
 * The further attempts of a task whose first one failed, paced by p-retry: exponential backoff with jitter.
 *
 * @param again Makes one more attempt, and resolves with its failure or with nothing.
 * @returns The last failure, or nothing when an attempt has succeeded.
 */
export async function retry(
  task: Task,
  first: Failure,
  again: () => Promise<Failure | undefined>,
  settings: { readonly events: Events; readonly options: Required<RetryOptions> },
): Promise<Failure | undefined> {
  if (settings.options.retries === 0 || isAbortError(first.error)) return last(first)
  const backoff = new AbortController()
  try {
    await pRetry(
      async (n) => {
        const failure = n === 1 ? first : await again()
        if (failure) throw failure as unknown as Error
      },
      {
        ...settings.options,
        signal: backoff.signal,
        shouldRetry: ({ error }) => !isAbortError(causeOf(error)),
        onFailedAttempt: ({ error, retriesLeft }) => {
          const cause = causeOf(error)
          if (retriesLeft === 0 || isAbortError(cause)) return
          task.doing = { interrupt: (reason) => backoff.abort(reason) }
          settings.events.of.retrying.emitTask(task, { error: cause, retriesLeft })
        },
      },
    )
    return undefined
  } catch (failure) {
    return last(failure instanceof Failure ? failure : new Failure(failure))
  }
}

const causeOf = (failure: unknown): unknown => (failure as Failure).error

const last = (failure: Failure): Failure =>
  isAbortError(failure.error) ? new Failure(failure.error.originalError) : failure

/** p-retry's AbortError, of whichever copy of p-retry: "do not try again". fetch's error of that name has no `originalError`. */
export function isAbortError(error: unknown): error is Error & { readonly originalError: Error } {
  try {
    return error instanceof Error && error.name === 'AbortError' && 'originalError' in error
  } catch {
    return false // a getter of it throws
  }
}
