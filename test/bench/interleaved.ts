// The same transactions as in transaction.ts, in blocks that take turns in one process: what else the machine does hits all alike, and
// two bare clients differ by 3 % at most. On Node 20 the bare client pays for the AsyncLocalStorage of the others here.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { PrismaClient } from '../../prisma/client/postgresql/client.js'
import { type Benchmark, cpuTime, once } from './benchmark.js'
import { inRequest, newInstance } from './contestants.js'
import { bars, inParallel, newClient } from './transaction.js'

const blocks = once ? 2 : 400
/** So few that a collection of the old generation, which falls on whoever is at work, falls on all of them in the end. */
const size = once ? 20 : 100
/** Until a transaction costs what it costs from then on: so long does V8 find something to compile. */
const warmUp = once ? 20 : 12_000

const bare = 'bare'
/** The bare client once more: how far it is from 1 is what the machine adds. */
const again = 'bare again'
/** What nobody who knows the transaction of a registration can do without. */
const contextAlone = 'bare, its callback in a context'
const noTask = 'watched, no task'
const oneTask = 'watched, 1 task'

const measures = [again, contextAlone, noTask, oneTask]

type Transact = () => Promise<void>
type Tx = Pick<PrismaClient, 'user'>

/** The same for all: one function more in the stack of a query would cost a transaction 1 %. */
const callback =
  (register: () => void) =>
  async (tx: Tx): Promise<void> => {
    register()
    await tx.user.findFirst({ select: { id: true } })
  }

export const interleaved: Benchmark = {
  title: `CPU time of a transaction of one query on PostgreSQL to that of a bare client, in ${blocks} blocks of ${size}`,
  contestants: ['all'],
  rounds: 3,
  needsDatabase: true,
  comparisons: measures.map((measure) => ({ measure, unit: 'of bare', ours: 'all', bar: bars[measure] })),
  async round() {
    const base = newClient()
    const afterCommit = newInstance()
    const watched = afterCommit.watch(base)
    const context = new AsyncLocalStorage<object>()
    const query = callback(() => undefined)
    const withTask = callback(() => void afterCommit('task', async () => {}))
    const contestants: Record<string, Transact> = {
      [bare]: () => base.$transaction(query),
      [contextAlone]: () => base.$transaction((tx) => context.run({}, query, tx)),
      [noTask]: () => watched.$transaction(query),
      [oneTask]: () => watched.$transaction(withTask),
      [again]: () => base.$transaction(query),
    }
    const run = async (transact: Transact, count: number): Promise<void> => {
      await inParallel(count, (n) => inRequest(n, transact))
      await afterCommit.idle()
    }
    const order = Object.keys(contestants)
    const spent = new Map(order.map((name) => [name, 0]))
    for (const transact of Object.values(contestants)) await run(transact, warmUp)
    for (let block = 0; block < blocks; block++) {
      order.reverse() // who follows whom must not matter
      for (const name of order) {
        const cpu = await cpuTime(() => run(contestants[name] as Transact, size))
        spent.set(name, (spent.get(name) ?? 0) + cpu)
      }
    }
    await base.$disconnect()
    const one = ((spent.get(bare) ?? 0) + (spent.get(again) ?? 0)) / 2
    return Object.fromEntries(measures.map((name) => [name, (spent.get(name) ?? 0) / one]))
  },
}
