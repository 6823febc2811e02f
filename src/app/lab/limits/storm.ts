import { createGate } from '../gate.js'
import { defineLimit } from '../limit.js'
import { logIn } from '../logins.js'
import type { Lab } from '../open-lab.js'

const tasks = 200
const near = 50

/** Two hundred calls lose their partner at the same moment, and all of them are tried again once. */
export const storm = defineLimit({
  name: 'storm',
  title: 'What failed together comes back together: a retry storm',
  rung: 1,
  async run(lab) {
    const [plain, jitter] = await Promise.all([fail(lab, false), fail(lab, true)])
    return { tasks, plain, jitter }
  },
  tell: ({ plain, jitter }) => ({
    happens: `${tasks} calls fail at once; without jitter ${plain.together} come back within ${near} ms.`,
    answer: `With jitter, the default: ${jitter.together} at most within ${near} ms.`,
  }),
})

async function fail(lab: Lab, randomize: boolean): Promise<{ together: number; overtaken: number }> {
  const database = await lab.database()
  const retry = { retries: 1, minTimeout: 1_000, randomize }
  const { afterCommit, prisma } = lab.instance(database, { retry, concurrency: tasks })
  const outage = createGate()
  const failed: string[] = []
  const back: { readonly id: string; readonly at: number }[] = []
  afterCommit.on('started', ({ task, attempt }) => {
    if (attempt === 2) back.push({ id: task.id, at: performance.now() })
    else if (failed.push(task.id) === tasks) outage.open()
  })

  await logIn(prisma, { userId: database.userId, requestId: 'all' }, () => {
    for (let n = 0; n < tasks; n++) {
      afterCommit('give-points', async ({ attempt }) => {
        await outage.opened
        if (attempt === 1) throw new Error('The connection was lost')
      })
    }
  })
  await afterCommit.idle()
  const places = back.map(({ id }) => failed.indexOf(id))
  return {
    together: Math.max(...back.map(({ at }) => back.filter((other) => other.at >= at && other.at < at + near).length)),
    overtaken: places.filter((place, index) => place < (places[index - 1] ?? -1)).length,
  }
}
