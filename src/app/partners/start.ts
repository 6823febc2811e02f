import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { readJson, sendJson } from './json.js'
import { listen } from './listen.js'
import { startPartner } from './partner.js'
import type { Partner } from './partner.js'
import { readPartnerSettings } from './settings.js'

/** The partners of the shop. */
export const partnerNames = ['push', 'points', 'search', 'sms'] as const

/** One of the partners of the shop. */
export type PartnerName = (typeof partnerNames)[number]

/** All partners, and the address under which their behaviour is changed and their lists are read. */
export interface Partners {
  readonly controlUrl: string
  readonly each: Readonly<Record<PartnerName, Partner>>
  close(): Promise<void>
}

/**
 * Starts the four partners, each on a port of its own, and a control server that stays reachable when they are down:
 * `GET` and `PUT /<partner>/settings`, `GET` and `DELETE /<partner>/received`.
 *
 * @param firstPort the control server's port, the partners take the four after it; 0 takes free ones
 */
export async function startPartners(firstPort = 0): Promise<Partners> {
  const port = (offset: number): number => (firstPort === 0 ? 0 : firstPort + offset)
  const [push, points, search, sms] = await Promise.all([
    startPartner('push', port(1)),
    startPartner('points', port(2)),
    startPartner('search', port(3)),
    startPartner('sms', port(4)),
  ])
  const each = { push, points, search, sms }
  const control = createServer((request, response) => {
    answer(each, request, response).catch((error: unknown) => {
      sendJson(response, 400, { error: error instanceof Error ? error.message : String(error) })
    })
  })
  const controlUrl = await listen(control, port(0))
  return {
    controlUrl,
    each,
    async close() {
      control.close()
      control.closeAllConnections()
      await Promise.all(Object.values(each).map((partner) => partner.close()))
    },
  }
}

async function answer(each: Partners['each'], request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, name, resource] = (request.url ?? '').split('/')
  const partner = Object.values(each).find((candidate) => candidate.name === name)
  if (partner === undefined)
    return sendJson(response, 404, { error: `no such partner, there are ${partnerNames.join(', ')}` })
  switch (`${request.method} ${resource}`) {
    case 'PUT settings':
      partner.configure(readPartnerSettings(await readJson(request)))
      return sendJson(response, 200, partner.settings)
    case 'GET settings':
      return sendJson(response, 200, partner.settings)
    case 'GET received':
      return sendJson(response, 200, await partner.received())
    case 'DELETE received':
      partner.forget()
      return sendJson(response, 200, [])
    default:
      return sendJson(response, 404, { error: 'there are GET and PUT settings, GET and DELETE received' })
  }
}
