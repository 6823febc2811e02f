import { createRelay } from '../../../outbox/index.js'
import { defineLimit } from '../limit.js'
import { tellPoints } from '../logins.js'
import type { Lab } from '../open-lab.js'
import { until } from '../until.js'

const logins = 20

/** A process with twenty unfinished tasks is killed. This one is its successor, when the partner is back. */
export const sigkill = defineLimit({
  name: 'sigkill',
  title: 'A crash loses what is pending in memory',
  rung: 2,
  async run(lab) {
    const [memory, outbox] = await Promise.all([lost(lab, false), lost(lab, true)])
    return { logins, memory, outbox }
  },
  tell: ({ memory, outbox }) => ({
    happens: `SIGKILL with ${logins} tasks pending: ${memory.lost} lost, and no row says so.`,
    answer: `The outbox: ${outbox.lost} lost, ${outbox.twice} came twice.`,
  }),
})

async function lost(lab: Lab, durable: boolean): Promise<{ lost: number; twice: number }> {
  const database = await lab.database()
  const { url: databaseUrl, client, userId } = database
  const partner = await lab.partner({ down: true })
  const killed = await lab.process({ databaseUrl, userId, partnerUrl: partner.url, durable, lease: 1_000, logins })
  await killed.kill()

  partner.configure({ down: false })
  const { afterCommit } = lab.instance(database, { tasks: [tellPoints(partner.url, { durable })] })
  const relay = createRelay({ afterCommit, pollInterval: 100 })
  await relay.start()
  await afterCommit.failures.retryAll({})
  await until('the outbox is empty', async () => (await client.outboxMessage.count()) === 0)
  await afterCommit.idle()
  await relay.stop()

  const received = await partner.received()
  const committed = await client.pointEntry.count()
  return { lost: committed - received.length, twice: received.filter(({ times }) => times > 1).length }
}
