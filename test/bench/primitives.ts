// What the pool is made of, against what one would take first. Each figure is of the whole step, in the context of a request.
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import { type Benchmark, collect, cpuTime, once } from './benchmark.js'

const count = once ? 1_000 : 100_000
const request = new AsyncLocalStorage<object>()
const own = new AsyncLocalStorage<unknown>()
const manually = { requireManualDestroy: true }
const nothing = (): void => undefined
let kept: unknown

const steps: Record<string, (n: number, resource: AsyncResource) => unknown> = {
  'new AsyncResource': () => new AsyncResource('bench', manually),
  'AsyncLocalStorage.snapshot()': () => AsyncLocalStorage.snapshot(),
  'enterWith in a resource': (n, resource) =>
    resource.runInAsyncScope(() => {
      own.enterWith(n)
      nothing()
    }),
  'run in a resource': (n, resource) => resource.runInAsyncScope(() => own.run(n, nothing)),
  'nothing until somebody looks': () => ({ id: undefined }),
  'randomUUID()': () => randomUUID(),
  'setTimeout and clearTimeout': () => clearTimeout(setTimeout(nothing, 30_000)),
}

const collections: Record<string, () => void> = {
  'an array, taken from the front by an index'() {
    const tasks: object[] = []
    for (let n = 0; n < count; n++) tasks.push({ n })
    for (let n = 0; n < count; n++) kept = tasks[n]
  },
  'a Set, added to and deleted from'() {
    const tasks = new Set<object>()
    for (let n = 0; n < count; n++) tasks.add({ n })
    for (const task of tasks) tasks.delete(task)
  },
}

const fulfilled = Promise.resolve(1)
/** Of one collection of the whole heap to the next. */
const calls = once ? 100 : 5_000
let total = 0

const work = {
  /** A method: what gives functions their names here (tsx) makes `bind` of any other several times dearer. */
  add(n: number, factor: number): number {
    for (let m = 0; m < 12; m++) total += (n * m * factor) % 7
    return total
  },
}

/** What runs once and later, and does the same. When the heap is collected, none of the closures is left. */
const later: Record<string, (n: number) => Promise<number>> = {
  'a bound function': (n) => fulfilled.then(work.add.bind(undefined, n)),
  'a closure': (n) =>
    fulfilled.then((factor) => {
      for (let m = 0; m < 12; m++) total += (n * m * factor) % 7
      return total
    }),
}

const compared: readonly (readonly [measure: string, ours: string, theirs: string])[] = [
  ['keep the context of a request', 'new AsyncResource', 'AsyncLocalStorage.snapshot()'],
  ['set a value in it', 'enterWith in a resource', 'run in a resource'],
  ['give a task an id', 'nothing until somebody looks', 'randomUUID()'],
  ['give an attempt a timeout', 'nothing until somebody looks', 'setTimeout and clearTimeout'],
  ['call a function later, after a collection', 'a bound function', 'a closure'],
  [`keep ${count} tasks in order`, 'an array, taken from the front by an index', 'a Set, added to and deleted from'],
]

export const primitives: Benchmark = {
  title: 'What the pool is made of, against what one would take first',
  contestants: [...new Set(compared.flatMap(([, ours, theirs]) => [ours, theirs]))],
  rounds: 5,
  comparisons: compared.map(([measure, ours, theirs]) => ({ measure, unit: 'ns', ours, theirs })),
  async round(contestant) {
    const nanoseconds = await request.run({}, async () => await cost(contestant))
    const measures = compared.filter(([, ours, theirs]) => [ours, theirs].includes(contestant))
    return Object.fromEntries(measures.map(([measure]) => [measure, nanoseconds]))
  },
}

async function cost(contestant: string): Promise<number> {
  const call = later[contestant]
  if (call) return await afterCollections(call)
  const collection = collections[contestant]
  const step = steps[contestant]
  const resource = own.run(0, () => new AsyncResource('bench', manually))
  const run = (): Promise<void> => {
    collection?.()
    if (step) for (let n = 0; n < count; n++) kept = step(n, resource)
    return Promise.resolve()
  }
  await run()
  await run()
  const microseconds = await cpuTime(run)
  if (kept === run) throw new Error('Never: it keeps what is measured from being optimised away')
  return (microseconds * 1e3) / count
}

async function afterCollections(call: (n: number) => Promise<number>): Promise<number> {
  const callAll = async (): Promise<void> => {
    for (let n = 0; n < calls; n++) await call(n)
  }
  await callAll()
  let microseconds = 0
  for (let n = 0; n < count; n += calls) {
    await collect(1)
    microseconds += await cpuTime(callAll)
  }
  if (!(total > 0)) throw new Error('Never: it keeps what is measured from being optimised away')
  return (microseconds * 1e3) / count
}
