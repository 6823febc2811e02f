import type { Request, Response } from 'express'
import type { Hello } from './events.js'
import type { Seen } from './seen.js'

/** Milliseconds after which a silent connection says that it is alive. */
const heartbeat = 15_000

/**
 * Answers with server-sent events: a `hello` with the state of things, then what was seen, then what is seen. A page that
 * comes back says what it had last, and gets the rest.
 */
export function stream(seen: Seen, hello: () => Hello) {
  return (request: Request, response: Response): void => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    response.write(`retry: 1000\nevent: hello\ndata: ${JSON.stringify(hello())}\n\n`)
    const [boot, number] = (request.get('last-event-id') ?? '').split('.')
    const after = boot === seen.boot ? Number(number) || 0 : 0
    const stop = seen.listen(after, (happenings, last) => {
      response.write(`id: ${seen.boot}.${last}\ndata: ${JSON.stringify(happenings)}\n\n`)
    })
    const timer = setInterval(() => response.write(': still here\n\n'), heartbeat)
    response.once('close', () => {
      clearInterval(timer)
      stop()
    })
  }
}
