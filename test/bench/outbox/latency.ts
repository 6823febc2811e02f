import { setTimeout as delay } from 'node:timers/promises'
import { type Figures, quantile } from '../benchmark.js'
import type { JobSystem } from './job-system.js'
import { lost, until } from './until.js'

export const p50 = 'idle p50'
export const p99 = 'idle p99'

/** Milliseconds from the begin of a transaction of Prisma to the start of the handler, one message at a time. */
export async function latency(system: JobSystem, count: number): Promise<Figures> {
  const latencies: number[] = []
  const warm = Math.floor(count / 10)
  let begin = 0
  let seen = -1
  await system.work((n) => {
    latencies.push(performance.now() - begin)
    seen = n
  })
  for (let n = 0; n < warm + count; n++) {
    await delay(10 + 20 * Math.random())
    begin = performance.now()
    await system.transact(n)
    if (!(await until(() => seen === n))) lost(`message ${n} was not handled`)
  }
  const timed = latencies.slice(warm)
  return { [p50]: quantile(timed, 0.5), [p99]: quantile(timed, 0.99) }
}
