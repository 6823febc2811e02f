import PQueue from 'p-queue'
import { type Overflow, PoolFullError } from '../../../index.js'
import { createGate } from '../gate.js'
import { defineLimit } from '../limit.js'
import { logIn, requestIds } from '../logins.js'
import type { Lab } from '../open-lab.js'

const logins = 40
const bound = 10

/** Forty logins while the partner answers nothing, so that none of their tasks ends before the last one is there. */
export const burst = defineLimit({
  name: 'burst',
  title: 'A burst does not fit: past the bound somebody pays, and a policy says who',
  rung: 1,
  async run(lab) {
    const queue = new PQueue({ concurrency: 2 })
    for (let n = 0; n < logins; n++) void queue.add(() => new Promise(() => {}))
    return {
      logins,
      bound,
      unbounded: queue.size + queue.pending,
      record: await flood(lab, 'record'),
      refuse: await flood(lab, 'refuse'),
      callerRuns: await flood(lab, 'caller-runs'),
      dropNewest: await flood(lab, 'drop-newest'),
      dropOldest: await flood(lab, 'drop-oldest'),
    }
  },
  tell: ({ unbounded, record, refuse, callerRuns, dropNewest, dropOldest }) => ({
    happens: `${logins} tasks at once: p-queue alone holds all ${unbounded}: it has no bound.`,
    answer:
      `maxPending: ${bound}. record: ${record.ran} ran, ${record.rows} are rows. ` +
      `refuse: ${refuse.ran} ran, ${refuse.refused} logins rolled back. ` +
      `caller-runs: ${callerRuns.ran} ran, ${callerRuns.byCaller} of them in their login. ` +
      `drop-newest: ${dropNewest.ran} ran, ${dropNewest.dropped} that came later were dropped. ` +
      `drop-oldest: ${dropOldest.ran} ran, ${dropOldest.dropped} that had waited longest were dropped.`,
  }),
})

async function flood(lab: Lab, overflow: Overflow) {
  const database = await lab.database()
  const { client, userId } = database
  const { afterCommit, prisma } = lab.instance(database, { overflow, maxPending: bound, concurrency: 2 })
  const ran: string[] = []
  const accepted: string[] = []
  let arrived = 0
  const everybodyIsIn = createGate()
  const oneMore = (): void => {
    if (++arrived === logins) everybodyIsIn.open()
  }
  afterCommit.on('accepted', ({ task }) => {
    accepted.push(task.id)
    oneMore()
  })
  let [byCaller, refused] = [0, 0]

  const logIns = requestIds(logins).map((requestId) =>
    logIn(prisma, { userId, requestId }, () => {
      afterCommit('give-points', async ({ id }) => {
        byCaller = Math.max(byCaller, afterCommit.stats().callerRunning)
        await everybodyIsIn.opened
        ran.push(id)
      })
    }).catch((error: unknown) => {
      if (!(error instanceof PoolFullError)) throw error
      refused++
      oneMore()
    }),
  )
  await Promise.all(logIns)
  await afterCommit.idle()
  return {
    ran: ran.length,
    first: ran.includes(accepted[0] ?? '') ? 1 : 0,
    last: ran.includes(accepted.at(-1) ?? '') ? 1 : 0,
    rows: await client.taskFailure.count({ where: { status: 'rejected' } }),
    committed: await client.pointEntry.count(),
    refused,
    byCaller,
    dropped: afterCommit.stats().dropped,
  }
}
