import { setMaxListeners } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { listen } from './listen.js'
import { readJson, sendJson } from './json.js'
import { createInbox } from './received.js'
import type { Received } from './received.js'

/** How badly a partner behaves at the moment. */
export interface PartnerSettings {
  /** Milliseconds that every call takes. */
  latency: number
  /** Share of the calls that are answered with 500, from 0 to 1. */
  failureRate: number
  /** Refuses every connection, and closes the ones that are open. */
  down: boolean
}

/** One partner: a real HTTP server whose behaviour can be changed while it runs. */
export interface Partner {
  readonly name: string
  readonly url: string
  readonly settings: Readonly<PartnerSettings>
  configure(change: Partial<PartnerSettings>): void
  /** What it was asked to do so far; waits for calls that are under way, also those whose caller has gone. */
  received(): Promise<Received[]>
  /** The same without waiting, and the bodies of the calls that are under way. */
  now(): { readonly received: readonly Received[]; readonly underWay: readonly unknown[] }
  forget(): void
  close(): Promise<void>
}

/**
 * Starts a partner on loopback.
 *
 * It answers `POST` with a JSON body and an `idempotency-key` header: 200 where it did what was asked, or had done it
 * before under the same key; 400 without a key; 422 where a key comes back with another body.
 */
export async function startPartner(name: string, port = 0): Promise<Partner> {
  const settings: PartnerSettings = { latency: 20, failureRate: 0, down: false }
  const inbox = createInbox()
  const sockets = new Set<Socket>()
  const underWay = new Set<Promise<void>>()
  const bodies = new Set<{ readonly body: unknown }>()
  let outage = nextOutage()

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readJson(request)
    const key = request.headers['idempotency-key']
    if (typeof key !== 'string') return sendJson(response, 400, { error: 'an idempotency-key header is needed' })
    const call = { body }
    bodies.add(call)
    await delay(settings.latency, undefined, { signal: outage.signal }).finally(() => bodies.delete(call))
    if (Math.random() < settings.failureRate) return sendJson(response, 500, { error: `${name} is not well today` })
    // Also where the caller has given up waiting: the partner cannot know, and that is why the key exists.
    const result = inbox.receive(key, body)
    if (result === 'conflict') return sendJson(response, 422, { error: 'this key was used with another body' })
    sendJson(response, 200, { result })
  }

  const server: Server = createServer((request, response) => {
    const call = answer(request, response)
      .catch((error: unknown) => sendJson(response, 400, { error: String(error) }))
      .finally(() => underWay.delete(call))
    underWay.add(call)
  })
  server.on('connection', (socket) => {
    if (settings.down) {
      socket.destroy()
      return
    }
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  /** Whoever is waiting gets no answer, and nothing is done for them. */
  const hangUp = (): void => {
    sockets.forEach((socket) => socket.destroy())
    outage.abort()
    outage = nextOutage()
  }

  const address = await listen(server, port)
  return {
    name,
    url: address,
    settings,
    configure(change) {
      Object.assign(settings, change)
      if (settings.down) hangUp()
    },
    async received() {
      await Promise.all(underWay)
      return inbox.list()
    },
    now: () => ({ received: inbox.list(), underWay: Array.from(bodies, ({ body }) => body) }),
    forget: () => inbox.clear(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        hangUp()
      }),
  }
}

/** Aborted when the partner goes down. Every call under way listens to it. */
function nextOutage(): AbortController {
  const outage = new AbortController()
  setMaxListeners(0, outage.signal)
  return outage
}
