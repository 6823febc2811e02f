import { type Figures } from '../benchmark.js'
import type { JobSystem } from './job-system.js'
import { lost, until } from './until.js'

export const rate = 'drained a second'
export const cpu = 'CPU per 1 000'

/** How fast messages that lie there are handled; the first tenth of them is not timed. */
export async function drain(system: JobSystem, count: number): Promise<Figures> {
  const warm = Math.floor(count / 10)
  const total = warm + count
  const handled = new Set<number>()
  await system.fill(0, total)
  let start = performance.now()
  let before = process.cpuUsage()
  await system.work((n) => {
    handled.add(n)
    if (handled.size !== warm) return
    start = performance.now()
    before = process.cpuUsage()
  })
  const ended = await until(async () => handled.size === total && (await system.left()) === 0)
  const seconds = (performance.now() - start) / 1e3
  const { user, system: kernel } = process.cpuUsage(before)
  if (!ended) lost(`${total - handled.size} of ${total} were not handled, ${await system.left()} are left`)
  return {
    [rate]: count / seconds,
    [cpu]: (user + kernel) / count,
  }
}
