import { defineLimit } from '../limit.js'
import { logIn, requestIds, tellPoints } from '../logins.js'
import type { Lab } from '../open-lab.js'
import { until } from '../until.js'

const logins = 40

/** Two processes of the same shop. Each has an address of the partner for itself, so that one sees who did what. */
export const instances = defineLimit({
  name: 'instances',
  title: 'Two instances know nothing of each other',
  rung: 2,
  async run(lab) {
    return { memory: await inMemory(lab), outbox: await inOutbox(lab) }
  },
  tell: ({ memory, outbox }) => ({
    happens: `${logins} tasks accepted by A: A did ${memory.a}; B, with nothing to do, did ${memory.b}.`,
    answer: `The outbox: A did ${outbox.a}, B did ${outbox.b}, both did ${outbox.twice}.`,
  }),
})

async function inMemory(lab: Lab): Promise<{ a: number; b: number }> {
  const [a, b] = [await lab.partner({ latency: 20 }), await lab.partner({ latency: 20 })]
  const { url: databaseUrl, userId } = await lab.database()
  const settings = { databaseUrl, userId, durable: false }
  await Promise.all([
    lab.process({ ...settings, partnerUrl: a.url, logins }),
    lab.process({ ...settings, partnerUrl: b.url }),
  ])
  await until('A has done all', async () => (await a.received()).length === logins)
  return { a: (await a.received()).length, b: (await b.received()).length }
}

async function inOutbox(lab: Lab): Promise<{ a: number; b: number; twice: number }> {
  const database = await lab.database()
  const { url: databaseUrl, client, userId } = database
  const [a, b] = [await lab.partner({ latency: 20 }), await lab.partner({ latency: 20 })]
  await Promise.all(
    [a, b].map((partner) => lab.process({ databaseUrl, userId, partnerUrl: partner.url, durable: true })),
  )
  const givePoints = tellPoints('', { durable: true })
  const { afterCommit, prisma } = lab.instance(database)
  // The first one may be so quick that nothing is left for the other.
  for (let round = 1; round === 1 || (round <= 50 && Math.min(await done(a), await done(b)) === 0); round++) {
    await logIn(prisma, { userId, requestId: `round-${round}` }, () => {
      for (const requestId of requestIds(logins)) afterCommit(givePoints, { requestId: `${round} ${requestId}` })
    })
    await until('the outbox is empty', async () => (await client.outboxMessage.count()) === 0)
  }
  const [byA, byB] = [await a.received(), await b.received()]
  const keys = new Set(byA.map(({ key }) => key))
  return { a: byA.length, b: byB.length, twice: byB.filter(({ key }) => keys.has(key)).length }
}

const done = async (partner: Awaited<ReturnType<Lab['partner']>>): Promise<number> => (await partner.received()).length
