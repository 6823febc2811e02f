import type { PrismaClient } from '../database.js'
import { committedIn, partnerOfTask, recordedIn } from '../demo/evidence.js'
import { type Entry, keyOf } from '../demo/ledger.js'
import type { Partners } from '../partners/start.js'
import type { Books } from './events.js'

/** What the page's server itself knows of the requests of one rung: who got them, and who has died. */
export interface Cases {
  /** The process that a request was given to. */
  pidOf(requestId: string): number | undefined
  /** Whether the request is over: answered, or its process gone. */
  isOver(requestId: string): boolean
  isAlive(pid: number): boolean
  /** For each death: when, and what the outbox held then. */
  readonly deaths: readonly { readonly at: number; readonly stored: ReadonlySet<string> }[]
}

const openStatuses = new Set(['failed', 'rejected', 'interrupted', 'unknown'])
const shown = 500

/** Counts in the tables and in the partners' lists, in the order in which a thing can move on: partners last. */
export async function readBooks(prisma: PrismaClient, partners: Partners, cases: Cases): Promise<Books> {
  const mine = ({ requestId }: Entry): boolean => cases.pidOf(requestId) !== undefined
  const owed = (await committedIn(prisma)).filter(mine)
  const stored = await storedIn(prisma)
  const failed = new Set((await recordedIn(prisma)).filter(({ status }) => openStatuses.has(status)).map(keyOf))
  const { delivered, underWay } = listsOf(partners)

  const counts = { delivered: 0, twice: 0, failed: 0, dead: 0, stored: 0, lost: 0, inMemory: 0, cameBack: 0 }
  const lostRequests: string[] = []
  for (const entry of owed) {
    const key = keyOf(entry)
    const done = delivered.get(key)
    const status = stored.get(key)
    if (done) {
      counts.delivered++
      if (done.times > 1) counts.twice++
      if (cases.deaths.some((death) => death.stored.has(key) && done.at > death.at)) counts.cameBack++
    } else if (status === 'dead') counts.dead++
    else if (status !== undefined) counts.stored++
    else if (failed.has(key)) counts.failed++
    // A partner goes on with what it was told by a process that is gone.
    else if (underWay.has(key) || cases.isAlive(cases.pidOf(entry.requestId) ?? 0)) counts.inMemory++
    else {
      counts.lost++
      lostRequests.push(entry.requestId)
    }
  }
  const rightful = new Set(owed.map(keyOf))
  const forNothing = [...delivered.values()]
    .map(({ entry }) => entry)
    .filter((entry) => mine(entry) && cases.isOver(entry.requestId) && !rightful.has(keyOf(entry)))
  return {
    owed: owed.length,
    ...counts,
    forNothing: forNothing.length,
    lostRequests: lostRequests.slice(0, shown),
    forNothingRequests: forNothing.slice(0, shown).map(({ requestId }) => requestId),
  }
}

/** The outbox: what has not been handled, and its status. */
export async function storedIn(prisma: PrismaClient): Promise<Map<string, string>> {
  const rows = await prisma.outboxMessage.findMany({ select: { messageType: true, payload: true, status: true } })
  const stored = new Map<string, string>()
  for (const { messageType, payload, status } of rows) {
    const partner = partnerOfTask[messageType]
    if (partner === undefined || status === 'done') continue
    stored.set(keyOf({ partner, requestId: (JSON.parse(payload) as Entry).requestId }), status)
  }
  return stored
}

function listsOf(partners: Partners) {
  const delivered = new Map<string, { entry: Entry; at: number; times: number }>()
  const underWay = new Set<string>()
  for (const partner of Object.values(partners.each)) {
    const { name } = partner
    const lists = partner.now()
    for (const { body, at, times } of lists.received) {
      const entry = entryOf(name, body)
      const known = delivered.get(keyOf(entry))
      const first = Math.min(known?.at ?? Infinity, Date.parse(at))
      delivered.set(keyOf(entry), { entry, at: first, times: times + (known?.times ?? 0) })
    }
    for (const body of lists.underWay) underWay.add(keyOf(entryOf(name, body)))
  }
  return { delivered, underWay }
}

const entryOf = (name: string, body: unknown): Entry => ({
  partner: name as Entry['partner'],
  requestId: (body as Entry).requestId,
})
