// Ours and what else one would put tasks into, ten at a time. What each gets is the same closure in the same async context.
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'
import async from 'async'
import Bottleneck from 'bottleneck'
import fastq from 'fastq'
import pLimit from 'p-limit'
import PQueue from 'p-queue'
import pRetry from 'p-retry'
import { pino } from 'pino'
import { memoryFailureLog } from 'after-commit/failure-logs'
import { createAfterCommit, type FailureLog, type Logger } from 'after-commit'

export type Run = () => Promise<void>
export type Add = (run: Run) => void

const concurrency = 10
const storage = new AsyncLocalStorage<{ readonly id: string }>()

/** An instance as an application has it, with everything that has a default left on. */
export function newInstance(failureLog: FailureLog = memoryFailureLog()) {
  return createAfterCommit({
    concurrency,
    maxPending: 1e9,
    requestId: () => storage.getStore()?.id,
    logger: nullLogger(),
    failureLog,
  })
}

/** pino as in production, but for where the lines go. */
export function nullLogger(): Logger {
  return pino({ level: 'info' }, { write: () => undefined })
}

/** async recognises an async function, and then calls it without a callback. */
const callAsync = async (run: Run): Promise<void> => await run()

const makers = {
  'after-commit'() {
    const afterCommit = newInstance()
    let succeeded = 0
    afterCommit.on('succeeded', () => void succeeded++)
    return (run) => void afterCommit('task', run)
  },
  'pRetry(() => queue.add(fn))'() {
    const queue = new PQueue({ concurrency })
    return (run) => void pRetry(() => queue.add(run), { retries: 3 })
  },
  'the same with a timeout'() {
    const queue = new PQueue({ concurrency })
    return (run) => void pRetry(() => queue.add(run, { timeout: 30_000 }), { retries: 3 })
  },
  'p-queue'() {
    const queue = new PQueue({ concurrency })
    return (run) => void queue.add(run)
  },
  fastq() {
    const queue = fastq.promise((run: Run) => run(), concurrency)
    return (run) => void queue.push(run)
  },
  'async.queue'() {
    const queue = async.queue(callAsync as (run: Run) => void, concurrency)
    return (run) => void queue.push(run)
  },
  'p-limit'() {
    const limit = pLimit(concurrency)
    return (run) => void limit(run)
  },
  /** No pool of its own: what it takes to keep what a task must have. */
  'the contexts alone'() {
    const own = new AsyncLocalStorage<object>()
    const enter = (run: Run): Promise<void> => (own.enterWith(run), run())
    const waiting: { readonly run: Run; readonly context: AsyncResource }[] = []
    let [next, running] = [0, 0]
    const end = (context: AsyncResource): void => {
      context.emitDestroy()
      running--
      begin()
    }
    const begin = (): void => {
      for (let task = waiting[next]; running < concurrency && task; task = waiting[next]) {
        const { run, context } = task
        if (++next === waiting.length) waiting.length = next = 0
        running++
        // No function with a name in here: tsx would spend more on that than all the rest costs.
        void context.runInAsyncScope(enter, undefined, run).then(() => end(context))
      }
    }
    return (run) => {
      const size = waiting.push({ run, context: new AsyncResource('bench', { requireManualDestroy: true }) })
      if (size === 1) setImmediate(begin)
    }
  },
  bottleneck() {
    const limiter = new Bottleneck({ maxConcurrent: concurrency })
    return (run) => void limiter.schedule(run)
  },
} as const satisfies Record<string, () => Add>

export type Contestant = keyof typeof makers
export const contestants = Object.keys(makers) as Contestant[]
export const ours = 'after-commit' satisfies Contestant
export const rivals = contestants.filter((name) => name !== ours)

export function newPool(name: string): Add {
  return makers[name as Contestant]()
}

/** Bottleneck starts each task from a timer, so it gets fewer: with 200 000 a round takes minutes. */
export function share(name: string, count: number): number {
  return name === 'bottleneck' ? count / 40 : count
}

/** Runs `fn` in the context of a request of its own, as Express applications do. */
export function inRequest<R>(n: number, fn: () => R): R {
  return storage.run({ id: `request-${n}` }, fn)
}

/** Registers tasks as requests do: ten each, in the context of the request. */
export function register(add: Add, count: number, task: (n: number) => Run): void {
  for (let n = 0; n < count; n += 10) {
    inRequest(n, () => {
      for (let m = n; m < Math.min(n + 10, count); m++) add(task(m))
    })
  }
}

/** Registers tasks and resolves when all have run; `make` makes one that calls `done` at its end. */
export function drain(add: Add, count: number, make: (done: () => void) => Run): Promise<void> {
  return new Promise((resolve) => {
    let ended = 0
    const done = (): void => {
      if (++ended === count) resolve()
    }
    register(add, count, () => make(done))
  })
}
