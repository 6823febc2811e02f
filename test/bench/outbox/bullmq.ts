// BullMQ is not on the database: a message is added after the commit, and a crash in between loses it.
import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { redisUrl } from './redis.js'
import {
  type Connections,
  type JobSystem,
  type Payload,
  payloadOf,
  portions,
  transact,
  transactRaw,
} from './job-system.js'

const name = `after-commit-bench-${process.env['BENCH_RUN'] ?? process.pid}`
const job = 'bench'

/** Tuned: more jobs at a time, and none of those that are done stays. */
export async function bullmq({ prisma, pool }: Connections, tuned: boolean, lease?: number): Promise<JobSystem> {
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: null })
  const queue = new Queue<Payload>(name, { connection: redis })
  let worker: Worker<Payload> | undefined
  const add = (n: number): Promise<unknown> => queue.add(job, payloadOf(n))
  return {
    async fill(first, count) {
      for (const numbers of portions(first, count)) {
        await queue.addBulk(numbers.map((n) => ({ name: job, data: payloadOf(n) })))
      }
    },
    async transact(n) {
      await transact(prisma, n)
      await add(n)
    },
    async transactRaw(n) {
      await transactRaw(pool, n)
      await add(n)
    },
    async work(handle) {
      worker = new Worker<Payload>(name, async ({ data }) => void (await handle(data.n)), {
        connection: redis,
        ...(tuned && { concurrency: 100, removeOnComplete: { count: 0 } }),
        ...(lease !== undefined && { lockDuration: lease, stalledInterval: lease }),
      })
      worker.on('error', console.error)
      await worker.waitUntilReady()
    },
    left: () => queue.getJobCountByTypes('wait', 'active', 'delayed', 'prioritized'),
    async close() {
      await worker?.close(true)
      await queue.obliterate({ force: true })
      await queue.close()
      redis.disconnect()
    },
  }
}
