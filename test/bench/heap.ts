// Is the heap as big after two million tasks as it was before?
import { type Benchmark, heapUsed, once } from './benchmark.js'
import { drain, newPool, ours } from './contestants.js'

const quarter = once ? 10_000 : 500_000
const wave = 10_000
/** Caches, compiled code and the like may still grow by half a megabyte. */
const tolerance = once ? 100 : 0.3

const after = [1, 2, 3, 4].map((n) => `heap after ${n * quarter} tasks`)
const growth = 'growth from the first to the last'

export const heap: Benchmark = {
  title: `The heap over ${4 * quarter} tasks, registered ${wave} at a time`,
  contestants: [ours],
  rounds: 1,
  comparisons: [
    ...after.map((measure) => ({ measure, unit: 'MB', ours })),
    { measure: growth, unit: 'bytes a task', ours, bar: tolerance },
  ],
  async round(contestant) {
    const add = newPool(contestant)
    const heaps: number[] = []
    for (const _ of after) {
      for (let n = 0; n < quarter; n += wave) await drain(add, wave, (done) => async () => done())
      heaps.push(await heapUsed())
    }
    const [first = NaN, last = NaN] = [heaps[0], heaps.at(-1)]
    return {
      ...Object.fromEntries(after.map((measure, index) => [measure, (heaps[index] ?? NaN) / 2 ** 20])),
      [growth]: (last - first) / (3 * quarter),
    }
  },
}
