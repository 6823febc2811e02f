import { setTimeout as delay } from 'node:timers/promises'
import { defineTask } from '../../../index.js'
import { createRelay } from '../../../outbox/index.js'
import { defineLimit } from '../limit.js'
import { logIn } from '../logins.js'
import type { Lab } from '../open-lab.js'
import { until } from '../until.js'

const versions = 8

/** Eight new names for one user, one after the other. The task that writes one takes the longer the older it is. */
export const order = defineLimit({
  name: 'order',
  title: 'No order between tasks: an older one may have the last word',
  rung: 2,
  async run(lab) {
    const [memory, key] = await Promise.all([rename(lab, false), rename(lab, true)])
    return { versions, memory, key }
  },
  tell: ({ memory, key }) => ({
    happens: `${versions} names for one user: ${memory.overtaken} overtook an older one, and name ${memory.last} stays.`,
    answer: `The outbox, one key per user: ${key.overtaken} overtook, name ${key.last} stays.`,
  }),
})

async function rename(lab: Lab, durable: boolean): Promise<{ overtaken: number; last: number }> {
  const database = await lab.database()
  const { client, userId } = database
  const ended: number[] = []
  const setName = defineTask(
    'set-name',
    async (version: number) => {
      await delay((versions - version) * 40)
      await client.user.update({ where: { id: userId }, data: { name: String(version) } })
      ended.push(version)
    },
    { durable, key: () => `user:${userId}` },
  )
  const { afterCommit, prisma } = lab.instance(database, { tasks: [setName] })
  if (durable) {
    const relay = createRelay({ afterCommit, pollInterval: 50 })
    lab.cleanup.add(() => relay.stop({ grace: 0 }))
    await relay.start()
  }
  await logIn(prisma, { userId, requestId: 'rename' }, () => {
    for (let version = 1; version <= versions; version++) afterCommit(setName, version)
  })
  await until('all names have been written', () => ended.length === versions)
  const { name } = await client.user.findUniqueOrThrow({ where: { id: userId } })
  return {
    overtaken: ended.filter((version, n) => ended.slice(n).some((other) => other < version)).length,
    last: Number(name),
  }
}
