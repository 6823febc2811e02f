import { randomUUID } from 'node:crypto'
import { post } from '../../tasks/post.js'
import { defineLimit } from '../limit.js'
import { logIn, requestIds, tellPoints } from '../logins.js'

/** Ten transactions that call the partner; every second one rolls back after that. */
export const rollback = defineLimit({
  name: 'rollback',
  title: 'A message sent inside a transaction cannot be called back by its rollback',
  rung: 1,
  async run(lab) {
    const database = await lab.database()
    const { client, userId } = database
    const partner = await lab.partner()
    const givePoints = tellPoints(partner.url)
    const { afterCommit, prisma } = lab.instance(database)
    const ids = requestIds(10)
    const soldOut = (id: string): void => {
      if (ids.indexOf(id) % 2 === 1) throw new Error('Sold out')
    }
    /** How many the partner was told of, and for how many of them there is no row. */
    const told = async (): Promise<[sent: number, forNothing: number]> => {
      const sent = (await partner.received()).map(({ body }) => (body as { requestId: string }).requestId)
      const rows = await client.pointEntry.findMany({ where: { requestId: { in: sent } } })
      return [sent.length, sent.length - rows.length]
    }

    for (const requestId of ids) {
      const login = logIn(client, { userId, requestId }, async (body) => {
        await post(partner.url, body, { id: randomUUID(), signal: AbortSignal.timeout(5_000) })
        soldOut(requestId)
      })
      await login.catch(() => undefined)
    }
    const [sentInside, forNothingInside] = await told()

    partner.forget()
    await client.pointEntry.deleteMany()
    for (const requestId of ids) {
      const login = logIn(prisma, { userId, requestId }, (body) => {
        afterCommit(givePoints, body)
        soldOut(requestId)
      })
      await login.catch(() => undefined)
    }
    await afterCommit.idle()
    const [sentAfter, forNothingAfter] = await told()
    return { requests: ids.length, sentInside, forNothingInside, sentAfter, forNothingAfter }
  },
  tell: ({ requests, sentInside, forNothingInside, sentAfter, forNothingAfter }) => ({
    happens: `${requests} transactions sent ${sentInside} messages; ${forNothingInside} of the transactions rolled back after that.`,
    answer: `After the commit: ${sentAfter} sent, ${forNothingAfter} of them for a transaction that rolled back.`,
  }),
})
