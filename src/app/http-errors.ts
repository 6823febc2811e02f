import type { ErrorRequestHandler } from 'express'
import { ClosedError, PoolFullError } from '../index.js'
import { ShopError } from './errors.js'
import { logger } from './logger.js'
import { requests } from './request-context.js'

/** Answers an error with the status that says whose fault it is, and whether it is worth coming back. */
export const answerError: ErrorRequestHandler = (error: unknown, _request, response, next) => {
  // Express closes the connection of an answer that has begun.
  if (response.headersSent) return next(error)
  const { status, code, message } = describe(error)
  if (status >= 500) logger.error({ err: error, requestId: requests.currentRequestId() }, 'request failed')
  if (status === 503) response.set('retry-after', '1')
  response.status(status).json({ error: { code, message } })
}

function describe(error: unknown): { status: number; code: string; message: string } {
  if (error instanceof ShopError) return { status: error.status, code: error.name, message: error.message }
  if (error instanceof PoolFullError || error instanceof ClosedError) {
    return { status: 503, code: error.code, message: 'The shop is busy. Nothing was stored: please try again.' }
  }
  if (codeOf(error) === 'P2028') {
    // One code for two cases; only the message tells whether the transaction had begun.
    const code = String(error).includes('Unable to start') ? 'TransactionNotBegun' : 'TransactionTimedOut'
    return { status: 503, code, message: 'The database is busy. Nothing was stored: please try again.' }
  }
  const status = clientErrorOf(error)
  if (status !== undefined && error instanceof Error) return { status, code: error.name, message: error.message }
  return {
    status: 500,
    code: 'InternalError',
    message: 'Something went wrong. It is in the log, with the id of this request.',
  }
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)

/** Express puts a status on the errors of its own, such as a body that is not JSON. */
function clientErrorOf(error: unknown): number | undefined {
  const status = error instanceof Error && 'status' in error ? error.status : undefined
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined
}
