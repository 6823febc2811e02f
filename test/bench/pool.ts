// What a task costs, from its registration to its end.
import { setImmediate as turn } from 'node:timers/promises'
import { type Benchmark, collect, cpuTime, once } from './benchmark.js'
import { contestants, drain, newPool, ours, rivals, type Run, share } from './contestants.js'

const tasks = once ? 4_000 : 200_000

const fulfilled = Promise.resolve()

const cases: Record<string, (done: () => void) => Run> = {
  'no-op task': (done) => async () => done(),
  'task that awaits a promise': (done) => async () => {
    await fulfilled
    done()
  },
  'task that awaits setImmediate': (done) => async () => {
    await turn()
    done()
  },
}

const bars: Record<string, number> = { 'pRetry(() => queue.add(fn))': 0.3, fastq: 0.5 }

export const pool: Benchmark = {
  title: `CPU time of a task: ${tasks} tasks, 10 at a time, ours with everything on`,
  contestants,
  parts: Object.keys(cases),
  rounds: 5,
  comparisons: Object.keys(cases).flatMap((measure) =>
    rivals.map((theirs) => ({ measure, unit: 'µs', ours, theirs, bar: bars[theirs] })),
  ),
  async round(contestant, part) {
    const make = cases[part]
    if (!make) throw new Error(`There is no ${part}`)
    const add = newPool(contestant)
    const count = share(contestant, tasks)
    await drain(add, count / 10, make)
    await collect()
    const cpu = await cpuTime(() => drain(add, count, make))
    return { [part]: cpu / count }
  },
}
