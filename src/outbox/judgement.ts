import { describeError } from '../core/failure-log.js'
import type { RetryOptions } from '../core/options.js'
import { mergeRetry } from '../core/options.js'
import { isAbortError } from '../core/retry.js'
import { backoff } from './backoff.js'
import type { Delivery } from './delivery.js'
import type { Outcome } from './outcomes.js'

export interface Patience {
  /** The relay's, for tasks that have none of their own. */
  readonly maxAttempts: number
  readonly retry: Required<Omit<RetryOptions, 'retries'>>
}

export function maxAttemptsOf({ task }: Delivery, otherwise: number): number {
  const { retry } = task.options
  if (retry === false) return 1
  return retry?.retries === undefined ? otherwise : retry.retries + 1
}

/** What becomes of a message whose attempt has failed: another attempt after the backoff, or it is dead. */
export function afterFailure(delivery: Delivery, thrown: unknown, { maxAttempts, retry }: Patience): Outcome {
  const { attempts, task } = delivery
  const isFinal = isAbortError(thrown)
  const error: unknown = isFinal ? thrown.originalError : thrown
  if (isFinal || attempts >= maxAttemptsOf(delivery, maxAttempts)) return dead(delivery, error, 1)
  const options = mergeRetry({ ...retry, retries: maxAttempts }, task.options.retry)
  const verdict = {
    ...delivery.held,
    newStatus: 'pending',
    newAttempts: attempts,
    failed: 1,
    error: textOf(error),
  } as const
  return { delivery, error, verdict: { ...verdict, delay: backoff(attempts, options) } }
}

/** It has used up its attempts without a handler that failed: each time, whoever held it did not come back. */
export function deadSuspect(delivery: Delivery): Outcome {
  const error = new Error('Whoever handled it died, or stood still until its lease was over, at each attempt')
  return dead(delivery, error, 0)
}

/** Back to the table as it was: for another relay, at once. */
export function givenBack(delivery: Delivery): Outcome {
  const verdict = { ...delivery.held, newStatus: 'pending', delay: 0, failed: 0, error: null } as const
  return { delivery, verdict: { ...verdict, newAttempts: delivery.attempts - 1 } }
}

function dead(delivery: Delivery, error: unknown, failed: 0 | 1): Outcome {
  const newAttempts = delivery.attempts - (failed === 1 ? 0 : 1)
  const verdict = { ...delivery.held, newStatus: 'dead', delay: 0, newAttempts, failed, error: textOf(error) } as const
  return { delivery, error, verdict }
}

function textOf(thrown: unknown): string {
  const { errorName, errorMessage, errorStack } = describeError(thrown)
  return errorStack ?? `${errorName}: ${errorMessage}`
}
