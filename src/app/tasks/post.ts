import { AbortError } from '../../index.js'
import { PartnerError } from '../errors.js'

/** What a call needs of a task. */
export interface Caller {
  /** The task's id is the idempotency key: the same for every attempt, so that the partner does it once. */
  readonly id: string
  /** Ends the call when the attempt's time is up. */
  readonly signal: AbortSignal
}

/**
 * Asks a partner to do something. Rejects with `PartnerError` for an answer other than 2xx, with the status and what the partner said.
 * What another attempt cannot cure (the request itself is wrong) is not tried again.
 */
export async function post(url: string, body: unknown, { id, signal }: Caller): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': id },
    body: JSON.stringify(body),
    signal,
  })
  // Also read where nobody needs it, or the connection cannot be used again.
  const text = await response.text()
  if (response.ok) return
  const error = new PartnerError(`${url} answered ${response.status}: ${text.slice(0, 200)}`)
  throw isFinal(response.status) ? new AbortError(error) : error
}

const isFinal = (status: number): boolean => status >= 400 && status < 500 && status !== 408 && status !== 429
