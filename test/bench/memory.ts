// What a task keeps while it waits, its closure included: the slots are taken by tasks that do not end.
import { type Benchmark, heapUsed, once } from './benchmark.js'
import { contestants, newPool, ours, register, rivals, share } from './contestants.js'

const tasks = once ? 10_000 : 200_000
const measure = 'a waiting task'

export const memory: Benchmark = {
  title: `Bytes of heap that a waiting task and its closure hold, of ${tasks}`,
  contestants,
  rounds: 3,
  comparisons: [
    { measure, unit: 'bytes', ours, bar: 400 },
    ...rivals.map((theirs) => ({ measure, unit: 'bytes', ours, theirs })),
  ],
  async round(contestant) {
    const add = newPool(contestant)
    const forever = new Promise<void>(() => undefined)
    register(add, 10, () => () => forever)
    let sum = 0
    const before = await heapUsed()
    const count = share(contestant, tasks)
    register(add, count, (n) => async () => void (sum += n))
    const held = (await heapUsed()) - before
    if (sum > 0) throw new Error(`${contestant} ran a task although all slots are taken`)
    add(() => forever) // until here the pool must not be collected
    return { [measure]: held / count }
  },
}
