// What others in the process see of 100 000 tasks registered at once.
import { type Benchmark, type Comparison, once, quantile, startAfresh } from './benchmark.js'
import { drain, newPool, ours, type Run } from './contestants.js'
import { latencies, strain, whileAsked } from './endpoint.js'

const tasks = once ? 1_000 : 100_000
const rivals = ['pRetry(() => queue.add(fn))', 'p-queue', 'fastq']

const parts: Record<string, (done: () => void) => Run> = {
  'no-op tasks': (done) => async () => done(),
  'tasks of 20 µs': (done) => async () => {
    const end = performance.now() + 0.02
    while (performance.now() < end);
    done()
  },
}

const hold = 'longest hold of the loop'
const p99 = "endpoint's p99"
const measures = [
  hold,
  "p99 of the loop's holds",
  p99,
  'hold of the registration',
  "endpoint's p99, registration included",
]

export const burst: Benchmark = {
  title: `While ${tasks} tasks drain, 500 requests a second to an endpoint of the same process`,
  contestants: [ours, ...rivals],
  parts: Object.keys(parts),
  rounds: 7,
  comparisons: Object.keys(parts).flatMap((part) =>
    measures.flatMap((name) => {
      const lines = rivals.map((theirs) =>
        line(part, name, theirs, name === p99 && theirs === 'p-queue' ? 0.4 : undefined),
      )
      return name === hold ? [line(part, name, undefined, 25), ...lines] : lines
    }),
  ),
  async round(contestant, part) {
    const make = parts[part]
    if (!make) throw new Error(`There are no ${part}`)
    const add = newPool(contestant)
    const { start, registered, end, holds, samples } = await whileAsked(async () => {
      await drain(add, tasks, make)
      await startAfresh(() => drain(add, tasks / 10, make))
      return await strain(() => drain(add, tasks, make))
    })
    const figures = [
      quantile(holds, 1),
      quantile(holds, 0.99),
      quantile(latencies(samples, registered, end), 0.99),
      registered - start,
      quantile(latencies(samples, start, end), 0.99),
    ]
    return Object.fromEntries(measures.map((name, index) => [`${part}: ${name}`, figures[index] ?? NaN]))
  },
}

function line(part: string, name: string, theirs?: string, bar?: number): Comparison {
  return { measure: `${part}: ${name}`, unit: 'ms', ours, theirs, bar }
}
