import { AsyncLocalStorage } from 'node:async_hooks'
import PQueue from 'p-queue'
import { createGate } from '../gate.js'
import { defineLimit } from '../limit.js'
import { logIn, requestIds } from '../logins.js'

const logins = 20

/** Twenty requests, each with a store of its own that its task asks for: what logs and traces go by. */
export const context = defineLimit({
  name: 'context',
  title: 'A task that waits in a queue wakes up in the context of another request',
  rung: 1,
  async run(lab) {
    const database = await lab.database()
    const { client, userId } = database
    const { afterCommit, prisma } = lab.instance(database, { concurrency: 2 })
    const requests = new AsyncLocalStorage<string>()

    /** Logs everybody in, and counts the tasks that see the store of somebody else. */
    const foreign = async (login: (requestId: string, task: () => Promise<void>) => Promise<void>): Promise<number> => {
      let count = 0
      const everybodyIsIn = createGate()
      const logIns = requestIds(logins).map((requestId) =>
        requests.run(requestId, () =>
          login(requestId, async () => {
            await everybodyIsIn.opened
            if (requests.getStore() !== requestId) count++
          }),
        ),
      )
      await Promise.all(logIns)
      everybodyIsIn.open()
      await Promise.all([queue.onIdle(), afterCommit.idle()])
      return count
    }

    const queue = new PQueue({ concurrency: 2 })
    const inQueue = await foreign(async (requestId, task) => {
      await logIn(client, { userId, requestId }, () => {})
      void queue.add(task)
    })
    const bound = await foreign((requestId, task) =>
      logIn(prisma, { userId, requestId: `${requestId}-again` }, () => afterCommit('look', task)),
    )
    return { logins, inQueue, bound, ran: afterCommit.stats().succeeded }
  },
  tell: ({ inQueue, bound }) => ({
    happens: `p-queue alone: ${inQueue} of ${logins} tasks saw the store of another request.`,
    answer: `Each task bound to its registration: ${bound} of ${logins} did.`,
  }),
})
