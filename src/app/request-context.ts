import { requestContext } from '../express/index.js'

/** The middleware that gives every request its id. */
export const requests = requestContext()

/** The id of the request that is being handled, for the rows that it writes. */
export function requestId(): string {
  const id = requests.currentRequestId()
  if (id === undefined) throw new Error('Expected to be inside a request: its rows carry its id')
  return id
}
