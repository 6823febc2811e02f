import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import { type IncomingMessage, type ServerResponse, validateHeaderName } from 'node:http'

/** Middleware that gives every request an id, and the way to that id for everybody whom the request calls. */
export interface RequestContext {
  (request: IncomingMessage, response: ServerResponse, next: () => void): void
  /** The id of the request around the caller, `undefined` outside of one; needs no `this`. For the option `requestId`. */
  readonly currentRequestId: () => string | undefined
}

/** The id ends up in rows and log lines, so a header with anything else in it is not taken over. */
const sane = /^[\w.:-]{1,100}$/

/**
 * Takes the id of each request from its header, or makes one (a UUID) where there is none or none to trust, and sets the
 * header of the response. Put it before everything that registers tasks or logs.
 *
 * @param options.header Its name, of the request and of the response. @default 'x-request-id'
 * @throws TypeError where that is no name of a header.
 * @example
 * export const requests = requestContext()
 * export const afterCommit = createAfterCommit({ requestId: requests.currentRequestId })
 * app.use(requests)
 */
export function requestContext({ header = 'x-request-id' }: { readonly header?: string } = {}): RequestContext {
  validateHeaderName(header)
  const name = header.toLowerCase()
  const storage = new AsyncLocalStorage<string>()
  const middleware = (request: IncomingMessage, response: ServerResponse, next: () => void): void => {
    const sent = request.headers[name]
    const id = typeof sent === 'string' && sane.test(sent) ? sent : randomUUID()
    response.setHeader(header, id)
    storage.run(id, next)
  }
  return Object.assign(middleware, { currentRequestId: () => storage.getStore() })
}
