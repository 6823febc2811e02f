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
 * Asks a partner to do something. Rejects with `PartnerError` where it does not answer, or not with 2xx: with the
 * status and what it said. What another attempt cannot cure (the request itself is wrong) is not tried again.
 */
export async function post(url: string, body: unknown, { id, signal }: Caller): Promise<void> {
  const { status, text } = await answerOf(url, body, id, signal)
  if (status >= 200 && status < 300) return
  const error = new PartnerError(`${url} answered ${status}: ${text.slice(0, 200)}`)
  const isFinal = status >= 400 && status < 500 && status !== 408 && status !== 429
  throw isFinal ? new AbortError(error) : error
}

async function answerOf(url: string, body: unknown, key: string, signal: AbortSignal) {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify(body),
      signal,
    })
    return { status: response.status, text: await response.text() }
  } catch (error) {
    throw new PartnerError(`${url} did not answer: ${reasonOf(error)}`, { cause: error })
  }
}

/** `fetch` says only that it failed; why is one level down. */
function reasonOf(error: unknown): string {
  const reason = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return reason instanceof Error ? reason.message : String(reason)
}
