import type { RetryOptions } from '../core/options.js'

/** Milliseconds before the attempt after `attempts` of them: p-retry's formula, exponential with jitter. */
export function backoff(attempts: number, options: Required<Omit<RetryOptions, 'retries'>>): number {
  const { minTimeout, factor, maxTimeout, randomize } = options
  const jitter = randomize ? 1 + Math.random() : 1
  return Math.min(Math.round(jitter * Math.max(minTimeout, 1) * factor ** (attempts - 1)), maxTimeout)
}
