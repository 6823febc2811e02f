import { defineTask } from '../../../index.js'
import { post } from '../../tasks/post.js'
import { defineLimit } from '../limit.js'
import { logIn, requestIds, tellPoints } from '../logins.js'
import type { Lab } from '../open-lab.js'

const slots = 5
const logins = 20
const latency = 1_500

/** One partner is slow, and there is more to do for it than there are slots; another one is well. */
export const bulkhead = defineLimit({
  name: 'bulkhead',
  title: 'One slow partner takes all slots, and the tasks of the others wait behind it',
  rung: 1,
  async run(lab) {
    const [shared, separate] = await Promise.all([overtaking(lab, false), overtaking(lab, true)])
    return { logins, shared, separate }
  },
  tell: ({ shared, separate }) => ({
    happens: `${slots} slots, ${slots} SMS of ${latency} ms: ${shared} of ${logins} other tasks were done before the first SMS.`,
    answer: `SMS in a queue of their own: ${separate} of ${logins} were.`,
  }),
})

async function overtaking(lab: Lab, separate: boolean): Promise<number> {
  const database = await lab.database()
  const [points, sms] = [await lab.partner(), await lab.partner({ latency })]
  const { afterCommit, prisma } = lab.instance(database, {
    concurrency: slots,
    queues: { sms: { concurrency: slots } },
  })
  const givePoints = tellPoints(points.url)
  const sendSms = defineTask('send-sms', (text: string, context) => post(sms.url, { text }, context), {
    ...(separate && { queue: 'sms' }),
  })
  const ended: string[] = []
  afterCommit.on('succeeded', ({ task }) => ended.push(task.name))

  await logIn(prisma, { userId: database.userId, requestId: 'all' }, () => {
    for (let n = 0; n < slots; n++) afterCommit(sendSms, `code ${n}`)
    for (const requestId of requestIds(logins)) afterCommit(givePoints, { requestId })
  })
  await afterCommit.idle()
  return ended.indexOf(sendSms.name)
}
