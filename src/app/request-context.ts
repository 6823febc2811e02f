import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import type { RequestHandler } from 'express'

interface RequestContext {
  readonly requestId: string
}

const storage = new AsyncLocalStorage<RequestContext>()

/**
 * The id of the request that is being handled; `undefined` outside one. A task sees the id of the request that
 * registered it.
 */
export const currentRequestId = (): string | undefined => storage.getStore()?.requestId

/** The id of the request that is being handled, for the rows that it writes. */
export function requestId(): string {
  const id = currentRequestId()
  if (id === undefined) throw new Error('Expected to be inside a request: its rows carry its id')
  return id
}

// The id ends up in rows and logs, so a header with anything else in it is not taken over.
const acceptable = /^[\w.:-]{1,100}$/

/** Gives every request an id: the caller's `x-request-id`, or a new one. The answer carries it too. */
export const requestContext: RequestHandler = (request, response, next) => {
  const sent = request.get('x-request-id')
  const id = sent !== undefined && acceptable.test(sent) ? sent : randomUUID()
  response.set('x-request-id', id)
  storage.run({ requestId: id }, next)
}
