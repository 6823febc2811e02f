import { type PrismaClient, connect } from '../database.js'
import type { Received } from '../partners/received.js'
import { type PartnerName, partnerNames } from '../partners/start.js'
import type { Entry, Ledger } from './ledger.js'

/** Who is called by which task; the failure log knows the task's name. */
export const partnerOfTask: Readonly<Record<string, PartnerName>> = {
  'give-points': 'points',
  'send-push': 'push',
  'index-course': 'search',
  'send-sms': 'sms',
}

/** Reads the books of one run: the tables of the shop, the failure log, and the lists of the partners. */
export async function readLedger(databaseUrl: string, controlUrl: string): Promise<Ledger> {
  const prisma = connect(databaseUrl)
  try {
    return {
      committed: await committedIn(prisma),
      delivered: (await Promise.all(partnerNames.map((partner) => deliveriesOf(partner, controlUrl)))).flat(),
      recorded: await recordedIn(prisma),
    }
  } finally {
    await prisma.$disconnect()
  }
}

/** What the rows of the shop owe to partners. */
export async function committedIn(prisma: PrismaClient): Promise<Entry[]> {
  const select = { requestId: true } as const
  const [points, orders, courses, codes] = await Promise.all([
    prisma.pointEntry.findMany({ select }),
    prisma.order.findMany({ select }),
    prisma.course.findMany({ select, where: { requestId: { not: null } } }),
    prisma.verificationCode.findMany({ select }),
  ])
  return [
    ...points.map(owes('points')),
    ...orders.map(owes('push')),
    ...courses.map(owes('search')),
    ...codes.map(owes('sms')),
  ]
}

/** The rows of the failure log. */
export async function recordedIn(prisma: PrismaClient): Promise<(Entry & { status: string })[]> {
  const failures = await prisma.taskFailure.findMany()
  return failures.map(({ task, status, payload, requestId: registeredIn }) => {
    const partner = partnerOfTask[task]
    if (partner === undefined) throw new Error(`The failure log has a task that no partner is known for: ${task}`)
    // A closure has no payload; its row still knows the request in which it was registered.
    const requestId = payload === null ? registeredIn : (JSON.parse(payload) as Entry).requestId
    return { partner, requestId: requestId ?? 'none', status }
  })
}

const owes =
  (partner: PartnerName) =>
  ({ requestId }: { requestId: string | null }): Entry => ({ requestId: requestId ?? 'none', partner })

async function deliveriesOf(partner: PartnerName, controlUrl: string): Promise<Entry[]> {
  const response = await fetch(`${controlUrl}/${partner}/received`)
  const received = (await response.json()) as (Received & { body: { requestId: string } })[]
  return received.map(({ body }) => ({ requestId: body.requestId, partner }))
}
