import { defineLimit } from '../limit.js'
import { tellPoints } from '../logins.js'
import type { Lab } from '../open-lab.js'

const logins = 20

/** A process with twenty unfinished tasks is asked to end, by a deploy for instance. This one is its successor. */
export const sigterm = defineLimit({
  name: 'sigterm',
  title: 'A deploy ends the process, with all that is pending',
  rung: 1,
  async run(lab) {
    const [unexpected, withoutGrace, withGrace] = await Promise.all([deploy(lab), deploy(lab, 0), deploy(lab, 30_000)])
    return { logins, unexpected, withoutGrace, withGrace }
  },
  tell: ({ unexpected, withoutGrace, withGrace }) => ({
    happens: `SIGTERM with ${logins} tasks pending and no handler: ${unexpected.lost} lost.`,
    answer:
      `close() without grace: ${withoutGrace.recorded} rows, which the next process runs, ${withoutGrace.lost} lost. ` +
      `With grace: all done, ${withGrace.recorded} rows, ${withGrace.lost} lost.`,
  }),
})

async function deploy(lab: Lab, grace?: number): Promise<{ lost: number; recorded: number }> {
  const database = await lab.database()
  const { url: databaseUrl, client, userId } = database
  const partner = await lab.partner({ down: true })
  const settings = { databaseUrl, userId, partnerUrl: partner.url, durable: false, logins }
  const process = await lab.process({ ...settings, ...(grace !== undefined && { grace }) })

  const ended = process.stop()
  if (grace) partner.configure({ down: false })
  await (grace === undefined ? ended.catch(() => undefined) : ended)
  const recorded = await client.taskFailure.count({ where: { status: 'interrupted' } })

  partner.configure({ down: false })
  const { afterCommit } = lab.instance(database, { tasks: [tellPoints(partner.url)] })
  await afterCommit.failures.retryAll({ status: 'interrupted' })
  await afterCommit.idle()
  return { lost: (await client.pointEntry.count()) - (await partner.received()).length, recorded }
}
