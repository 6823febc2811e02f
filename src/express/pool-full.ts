import type { IncomingMessage, ServerResponse } from 'node:http'
import { type AfterCommitErrorCode, OptionsError } from '../core/index.js'
import { answerJson } from './json.js'

type ErrorMiddleware = (
  error: unknown,
  request: IncomingMessage,
  response: ServerResponse,
  next: (error: unknown) => void,
) => void

/** By code and not by class: the error may come from another copy of the library. */
const details = new Map<unknown, string>([
  ['ERR_POOL_FULL', 'Too much is waiting to be done. Nothing was stored: please try again.'],
  ['ERR_CLOSED', 'This server is shutting down. Nothing was stored: please try again.'],
] satisfies [AfterCommitErrorCode, string][])

/**
 * Error middleware: answers `PoolFullError` and `ClosedError` with 503, Retry-After and a problem (RFC 9457), and leaves
 * everything else to the next one. That nothing was stored is true where the error came out of `$transaction`.
 *
 * @param options.retryAfter Seconds, for the header Retry-After. @default 1
 * @throws OptionsError
 */
export function poolFull({ retryAfter = 1 }: { readonly retryAfter?: number } = {}): ErrorMiddleware {
  if (!Number.isSafeInteger(retryAfter) || retryAfter < 0) {
    throw OptionsError.expected('retryAfter', 'an integer of seconds from 0 and up', retryAfter)
  }
  // Express knows error middleware by its four parameters.
  return (error, _request, response, next) => {
    const code = codeOf(error)
    const detail = details.get(code)
    if (detail === undefined || response.headersSent) return next(error)
    response.setHeader('retry-after', String(retryAfter))
    const problem = { type: 'about:blank', title: 'Service Unavailable', status: 503, detail, code }
    answerJson(response, 503, problem, 'application/problem+json')
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}
