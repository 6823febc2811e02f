import { defineLimit } from '../limit.js'
import { logIn, requestIds } from '../logins.js'

const count = 10

/** Requests that fail after their first transaction has committed, and the same requests with one transaction. */
export const border = defineLimit({
  name: 'border',
  title: 'A task is outside the transaction, and what it writes stays when the request fails later',
  rung: 1,
  async run(lab) {
    const database = await lab.database()
    const { client, userId } = database
    const { afterCommit, prisma } = lab.instance(database)
    const finish = (requestId: string) => (): Promise<unknown> =>
      client.verificationCode.create({
        data: { userId, code: 'by-task', requestId, expiresAt: new Date() },
      })
    const written = async (): Promise<number> => {
      await afterCommit.idle()
      return await client.verificationCode.count()
    }

    const inTwoSteps = requestIds(count).map(async (requestId) => {
      await logIn(prisma, { userId, requestId }, () => void afterCommit(finish(requestId)))
      await rest()
    })
    const failed = (await Promise.allSettled(inTwoSteps)).filter(({ status }) => status === 'rejected').length
    const stay = await written()

    const inOne = requestIds(count).map((requestId) =>
      logIn(prisma, { userId, requestId: `${requestId}-again` }, () => {
        afterCommit(finish(requestId))
        return rest()
      }),
    )
    await Promise.allSettled(inOne)
    return { failed, stay, stayInOne: (await written()) - stay, gone: afterCommit.stats().discarded }
  },
  tell: ({ failed, stay, stayInOne, gone }) => ({
    happens: `${failed} requests failed after their COMMIT; ${stay} rows of their tasks stay.`,
    answer: `One transaction around all of the request: ${stayInOne} rows; the ${gone} tasks went with the rollback.`,
  }),
})

async function rest(): Promise<never> {
  throw new Error('The rest of the request failed')
}
