import { once } from 'node:events'
import type { Server, ServerResponse } from 'node:http'
import type { Server as SecureServer } from 'node:https'
import { within } from './within.js'

export type HttpServer = Server | SecureServer

/** Milliseconds that a connection without a request may stay open once the others are gone. */
const linger = 500

/** The requests of a server that are not answered yet. */
export class OpenRequests {
  readonly #server: HttpServer
  readonly #open = new Set<ServerResponse>()
  #finishing = false

  constructor(server: HttpServer) {
    this.#server = server
    server.prependListener('request', (_request, response) => {
      this.#open.add(response)
      if (this.#finishing) lastOnItsConnection(response)
      response.once('close', () => {
        this.#open.delete(response)
        // Its headers may have been sent before it was the last one.
        if (this.#finishing) setImmediate(() => server.closeIdleConnections())
      })
    })
  }

  /** Takes no more connections and resolves when every request is answered, or `grace` milliseconds are over. */
  async finish(grace: number): Promise<void> {
    const deadline = performance.now() + grace
    const left = (): number => Math.max(0, deadline - performance.now())
    this.#finishing = true
    for (const response of this.#open) if (!response.headersSent) lastOnItsConnection(response)
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeIdleConnections()
    // To Node a connection that has sent nothing yet is not idle. It may hold a request that is on its way, but not us for ever.
    let gone = false
    do gone = await within(Math.min(linger, left()), closed)
    while (!gone && this.#open.size > 0 && left() > 0)
  }

  /** Ends what is left, and answers how many requests that were. */
  cut(): number {
    const { size } = this.#open
    this.#server.closeAllConnections()
    return size
  }
}

/** Tells the client to send its next request to somebody else. */
function lastOnItsConnection(response: ServerResponse): void {
  response.setHeader('connection', 'close')
}
