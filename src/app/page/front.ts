import { randomUUID } from 'node:crypto'
import express, { type Express, type Request, type RequestHandler, type Response } from 'express'
import { readPartnerSettings } from '../partners/settings.js'
import { assets } from './assets.js'
import { type Rung, partners as partnerNames, processNames, rungs } from './events.js'
import { forward } from './forward.js'
import { stream } from './stream.js'
import type { Worlds } from './worlds.js'

/** What the browser talks to: the page, its events, its knobs; and the shop behind it, one address for all its processes. */
export function createFront(worlds: Worlds): Express {
  const { seen, partners } = worlds
  const front = express()
  front.disable('x-powered-by')
  front.use(ofThisPage)

  front.get(
    '/page/events',
    stream(seen, () => worlds.hello()),
  )
  front.put('/page/partners/:name', express.json(), (request, response) => {
    const name = oneOf(partnerNames, request.params.name)
    partners.each[name].configure(readPartnerSettings(request.body))
    seen.add({ kind: 'partner', name, settings: { ...partners.each[name].settings } })
    response.json(partners.each[name].settings)
  })
  front.post('/page/rungs/:rung/processes/:name/:action', (request, response) => act(request, response))
  front.all('/shop/:rung/*path', (request, response) => {
    const rung = oneOf(rungs, request.params.rung)
    return passOn(rung, request.url.slice(`/shop/${rung}`.length), request, response)
  })
  front.use(assets)
  // Everything else is for the shop as it is without the page.
  front.use((request, response) => passOn('after', request.url, request, response))
  front.use(((error: unknown, _request, response, _next) => {
    const status = error instanceof TypeError ? 400 : 500
    response.status(status).json({ error: { message: error instanceof Error ? error.message : String(error) } })
  }) satisfies express.ErrorRequestHandler)

  async function act(
    { params }: Request<Record<'rung' | 'name' | 'action', string>>,
    response: Response,
  ): Promise<void> {
    const world = await worlds.of(oneOf(rungs, params.rung))
    const process = world.process(oneOf(processNames, params.name))
    await (oneOf(['start', 'kill'], params.action) === 'start' ? process.start() : process.kill())
    response.json({ pid: process.pid, state: process.state })
  }

  async function passOn(rung: Rung, path: string, request: Request, response: Response): Promise<void> {
    const world = await worlds.of(rung)
    if (request.method !== 'POST') {
      return forward(request, response, { to: world.process('A').url, path })
    }
    const requestId = randomUUID()
    seen.add({ kind: 'asked', requestId, rung, path })
    forward(request, response, {
      to: world.asked(requestId),
      path,
      requestId,
      onUnanswered(status) {
        seen.add({ kind: 'unanswered', requestId, status })
        world.over(requestId)
      },
    })
  }
  return front
}

/** No other site can press its buttons: browsers say where a request comes from. */
const ofThisPage: RequestHandler = (request, response, next) => {
  const from = request.get('sec-fetch-site') ?? 'none'
  if (request.method === 'GET' || from === 'same-origin' || from === 'none') return next()
  response.status(403).json({ error: { message: 'This request comes from another site' } })
}

function oneOf<T extends string>(known: readonly T[], name: string | undefined): T {
  const found = known.find((each) => each === name)
  if (found === undefined) throw new TypeError(`Expected one of ${known.join(', ')}, got ${JSON.stringify(name)}`)
  return found
}
