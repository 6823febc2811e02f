// graphile-worker 0.18, and 0.17 on Node 20, where 0.18 does not run.
import type { PoolClient } from 'pg'
import type { Prisma } from '../../../prisma/client/postgresql/client.js'
import {
  type Connections,
  countOf,
  type JobSystem,
  type Payload,
  payloadOf,
  portions,
  transact,
  transactRaw,
} from './job-system.js'

const task = 'bench'

/** The part that both versions have, and both mean the same by. */
interface Graphile {
  run(this: void, options: object): Promise<{ stop(): Promise<void> }>
  makeWorkerUtils(
    this: void,
    options: object,
  ): Promise<{
    migrate(): Promise<void>
    addJobs(jobs: readonly { identifier: string; payload: Payload }[]): Promise<unknown>
    release(): PromiseLike<void> | void
  }>
  Logger: new (factory: () => () => void) => object
}

/** What its page on performance says: more jobs at a time, a local queue, completion in batches. */
const documented = {
  concurrentJobs: 24,
  maxPoolSize: 25,
  localQueue: { size: 500 },
  completeJobBatchDelay: 0,
  failJobBatchDelay: 0,
}

const addJob = (n: number): [sql: string, task: string, payload: string] => [
  'SELECT graphile_worker.add_job($1, $2::text::json)',
  task,
  JSON.stringify(payloadOf(n)),
]

export async function graphileWorker(
  module: unknown,
  { url: connectionString, prisma, pool }: Connections,
  tuned: boolean,
): Promise<JobSystem> {
  const { run, makeWorkerUtils, Logger } = module as Graphile
  const logger = new Logger(() => () => undefined)
  const utils = await makeWorkerUtils({ connectionString, logger })
  await utils.migrate()
  let runner: { stop(): Promise<void> } | undefined
  return {
    async fill(first, count) {
      for (const numbers of portions(first, count)) {
        await utils.addJobs(numbers.map((n) => ({ identifier: task, payload: payloadOf(n) })))
      }
    },
    transact: (n) => transact(prisma, n, (tx: Prisma.TransactionClient) => tx.$executeRawUnsafe(...addJob(n))),
    async transactRaw(n) {
      const [sql, ...params] = addJob(n)
      await transactRaw(pool, n, (client: PoolClient) => client.query(sql, params))
    },
    async work(handle) {
      const taskList = { [task]: ({ n }: Payload) => handle(n) }
      const worker = { connectionString, ...(tuned && documented) }
      runner = await run({ preset: { worker: { ...worker, logger } }, taskList, noHandleSignals: true })
    },
    left: () => countOf(pool, 'graphile_worker.jobs'),
    async close() {
      await runner?.stop()
      await utils.release()
    },
  }
}
