// What a transaction of one query costs, watched and not, each in the context of a request. On Node 20 each AsyncLocalStorage makes
// every promise of the process dearer, which is why there also is a process that has none, and one that has a second one.
import { AsyncLocalStorage } from 'node:async_hooks'
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient } from '../../prisma/client/postgresql/client.js'
import { type Benchmark, cpuTime, once, promoted, startAfresh } from './benchmark.js'
import { inRequest, newInstance } from './contestants.js'
import { databaseUrl } from './database.js'

const transactions = once ? 50 : 16_000
/** Until a transaction costs what it costs from then on: so long does V8 find something to compile. */
const warmUp = once ? 25 : 20_000
const parallel = 10
/** What a watched transaction may cost, where a bare one is 1. */
export const bars: Record<string, number> = { 'watched, no task': 1.03, 'watched, 1 task': 1.06 }

const theirs = 'bare client'
const contextless = 'bare client without requests'
const another = 'bare client, a second AsyncLocalStorage'
const registrations: Record<string, number> = { 'watched, no task': 0, 'watched, 1 task': 1, 'watched, 10 tasks': 10 }

export const newClient = (): PrismaClient =>
  new PrismaClient({ adapter: new PrismaPg({ connectionString: databaseUrl(), max: parallel }) })

/** Calls it `count` times, as many at a time as there are connections; `n` counts down. */
export async function inParallel(count: number, transact: (n: number) => Promise<void>): Promise<void> {
  let left = count
  const loop = async (): Promise<void> => {
    while (left-- > 0) await transact(left)
  }
  await Promise.all(Array.from({ length: parallel }, loop))
}

export const transaction: Benchmark = {
  title: `A transaction of one query on PostgreSQL, ${parallel} at a time, its tasks included`,
  contestants: [contextless, theirs, another, ...Object.keys(registrations)],
  rounds: 7,
  needsDatabase: true,
  comparisons: [
    ...Object.keys(registrations).flatMap((ours) => [
      { measure: 'CPU time', unit: 'µs', ours, theirs, bar: bars[ours] },
      { measure: 'throughput', unit: 'a second', ours, theirs },
      { measure: 'outlives the young generation', unit: 'bytes', ours, theirs },
    ]),
    { measure: 'CPU time', unit: 'µs', ours: another, theirs },
    { measure: 'CPU time', unit: 'µs', ours: theirs, theirs: contextless },
  ],
  async round(contestant) {
    const base = newClient()
    // An instance has an AsyncLocalStorage in use from its construction on.
    const afterCommit = contestant in registrations ? newInstance() : undefined
    const client = afterCommit?.watch(base) ?? base
    const tasks = registrations[contestant] ?? 0
    const within = contestant === contextless ? (_: number, fn: () => Promise<void>) => fn() : inRequest<Promise<void>>
    const second = new AsyncLocalStorage<object>()
    const transact = (): Promise<void> =>
      client.$transaction(async (tx) => {
        for (let n = 0; n < tasks; n++) afterCommit?.('task', async () => {})
        await tx.user.findFirst({ select: { id: true } })
      })
    const run = async (count: number): Promise<void> => {
      await inParallel(count, (n) => within(n, contestant === another ? () => second.run({}, transact) : transact))
      await afterCommit?.idle()
    }
    await run(warmUp)
    await startAfresh(() => run(warmUp / 10))
    const start = performance.now()
    const cpu = await cpuTime(() => run(transactions))
    const seconds = (performance.now() - start) / 1e3
    const bytes = await promoted(() => run(transactions))
    await base.$disconnect()
    return {
      'CPU time': cpu / transactions,
      throughput: transactions / seconds,
      'outlives the young generation': bytes / transactions,
    }
  },
}
