import { Agent, type IncomingMessage, type ServerResponse, request as ask } from 'node:http'
import { sendJson } from '../partners/json.js'

// A connection that is kept could be one of a process that is gone.
const agent = new Agent({ keepAlive: false })
/** They belong to one connection, not to the request. */
const ofConnection = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade'])

/**
 * Passes a request on to a process of the shop, and its answer back.
 *
 * @param onUnanswered Called with the status that was answered in its place: there is no process, or it died meanwhile.
 */
export function forward(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  {
    to,
    path,
    requestId,
    onUnanswered,
  }: {
    readonly to: string | undefined
    readonly path: string
    readonly requestId?: string
    readonly onUnanswered?: (status: number) => void
  },
): void {
  const give = (status: 502 | 503, message: string): void => {
    onUnanswered?.(status)
    if (status === 503 && !outgoing.headersSent) outgoing.setHeader('retry-after', '1')
    if (outgoing.headersSent) outgoing.destroy()
    else sendJson(outgoing, status, { error: { code: 'ShopIsDown', message } })
  }
  if (to === undefined) return give(503, 'The process of the shop is not there. Nothing was stored: please try again.')

  const headers = Object.fromEntries(Object.entries(incoming.headers).filter(([name]) => !ofConnection.has(name)))
  if (requestId !== undefined) headers['x-request-id'] = requestId
  const outward = ask(new URL(path, to), { method: incoming.method, headers, agent }, (answer) => {
    outgoing.writeHead(
      answer.statusCode ?? 502,
      Object.fromEntries(Object.entries(answer.headers).filter(([name]) => !ofConnection.has(name))),
    )
    answer.on('error', () => give(502, ''))
    answer.pipe(outgoing)
  })
  outward.on('error', () =>
    give(502, 'The process of the shop died before it answered. Nobody knows what it has stored.'),
  )
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) outward.destroy()
  })
  incoming.pipe(outward)
}
