import { defineLimit } from '../limit.js'
import { logIn, requestIds, tellPoints } from '../logins.js'

/** Ten logins whose partner is down. When it is back, what failed is run again from its rows. */
export const exception = defineLimit({
  name: 'exception',
  title: 'An exception of a task does not reach its caller',
  rung: 1,
  async run(lab) {
    const database = await lab.database()
    const { client, userId } = database
    const partner = await lab.partner({ down: true })
    const givePoints = tellPoints(partner.url, { retry: false })
    const { afterCommit, prisma } = lab.instance(database, { tasks: [givePoints] })

    const logins = await Promise.allSettled(
      requestIds(10).map((requestId) =>
        logIn(prisma, { userId, requestId }, (login) => afterCommit(givePoints, login)),
      ),
    )
    await afterCommit.idle()
    const rows = await client.taskFailure.count({ where: { status: 'failed' } })

    partner.configure({ down: false })
    await afterCommit.failures.retryAll({ status: 'failed' })
    await afterCommit.idle()
    return {
      requests: logins.length,
      failed: afterCommit.stats().failed,
      told: logins.filter(({ status }) => status === 'rejected').length,
      rows,
      deliveredLater: (await partner.received()).length,
    }
  },
  tell: ({ requests, failed, told, rows, deliveredLater }) => ({
    happens: `${failed} of ${requests} tasks failed; ${told} of ${requests} callers were told.`,
    answer: `The failure log: ${rows} rows with error and payload. When the partner was back, retryAll() delivered ${deliveredLater}.`,
  }),
})
