// What a task costs, from its registration to its end.
import { setImmediate as turn } from 'node:timers/promises'
import { type Benchmark, cpuTime, once, startAfresh } from './benchmark.js'
import { contestants, drain, newPool, ours, rivals, type Run, share } from './contestants.js'

const tasks = once ? 4_000 : 200_000

/** What is drained before: until a task costs what it costs from then on, so long does V8 find something to compile. */
const warmUp = once ? tasks / 10 : 4 * tasks

/** So that the collections of the whole heap, one in some rounds, are in each figure. */
const repeats = once ? 1 : 4

const fulfilled = Promise.resolve()

interface Case {
  readonly make: (done: () => void) => Run
  /** How many are registered before they can run; without it all of them, and what weighs then is that so many wait. */
  readonly atOnce?: number
}

const noOp = (done: () => void): Run => {
  return async () => done()
}

const cases: Record<string, Case> = {
  'no-op task': { make: noOp },
  'task that awaits a promise': {
    make: (done) => async () => {
      await fulfilled
      done()
    },
  },
  'task that awaits setImmediate': {
    make: (done) => async () => {
      await turn()
      done()
    },
  },
  'no-op task, 1 000 at a time': { make: noOp, atOnce: 1_000 },
}

const bars: Record<string, number> = { 'pRetry(() => queue.add(fn))': 0.3, fastq: 0.5 }

export const pool: Benchmark = {
  title: `CPU time of a task: ${tasks} tasks, 10 at a time, ours with everything on`,
  contestants,
  parts: Object.keys(cases),
  rounds: 5,
  comparisons: Object.entries(cases).flatMap(([measure, { atOnce }]) =>
    rivals.map((theirs) => ({ measure, unit: 'µs', ours, theirs, bar: atOnce ? undefined : bars[theirs] })),
  ),
  async round(contestant, part) {
    const chosen = cases[part]
    if (!chosen) throw new Error(`There is no ${part}`)
    const { make, atOnce = Infinity } = chosen
    const add = newPool(contestant)
    const drainAll = async (count: number): Promise<void> => {
      for (let left = count; left > 0; left -= atOnce) await drain(add, Math.min(left, atOnce), make)
    }
    const count = share(contestant, tasks)
    await drainAll(share(contestant, warmUp))
    await startAfresh(() => drainAll(count))
    const cpu = await cpuTime(async () => {
      for (let n = 0; n < repeats; n++) await drainAll(count)
    })
    return { [part]: cpu / (repeats * count) }
  },
}
