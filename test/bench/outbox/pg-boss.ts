// pg-boss 12, and 10 on Node 20, where 12 does not run.
import type { PoolClient } from 'pg'
import { PgBoss } from 'pg-boss'
import PgBoss10 from 'pg-boss10'
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

const queue = 'bench'
const batchSize = 1_000

const throughPrisma = (tx: Prisma.TransactionClient) => ({
  executeSql: async (text: string, values?: unknown[]) => ({
    rows: await tx.$queryRawUnsafe<unknown[]>(text, ...(values ?? [])),
  }),
})

const throughPg = (client: PoolClient) => ({
  executeSql: (text: string, values?: unknown[]) => client.query(text, values),
})

const left = ({ pool }: Connections): Promise<number> => countOf(pool, `pgboss.job WHERE "state" < 'completed'`)

/** Tuned: woken by NOTIFY, in batches, the next one at once after a full one. */
export async function pgBoss12(connections: Connections, tuned: boolean): Promise<JobSystem> {
  const boss = new PgBoss({ connectionString: connections.url, useListenNotify: tuned })
  boss.on('error', console.error)
  await boss.start()
  await boss.createQueue(queue, { notify: tuned })
  return {
    async fill(first, count) {
      for (const numbers of portions(first, count)) {
        await boss.insert(
          queue,
          numbers.map((n) => ({ data: payloadOf(n) })),
        )
      }
    },
    transact: (n) => transact(connections.prisma, n, (tx) => boss.send(queue, payloadOf(n), { db: throughPrisma(tx) })),
    transactRaw: (n) =>
      transactRaw(connections.pool, n, (client) => boss.send(queue, payloadOf(n), { db: throughPg(client) })),
    async work(handle) {
      const options = tuned ? { batchSize, burstWhenBatchFull: true } : {}
      await boss.work<Payload>(queue, options, (jobs) => Promise.all(jobs.map(({ data }) => handle(data.n))))
    },
    left: () => left(connections),
    close: () => boss.stop({ graceful: false }),
  }
}

/** Tuned: in batches, and notified by the process itself of what it has committed, and after each batch. */
export async function pgBoss10(connections: Connections, tuned: boolean): Promise<JobSystem> {
  const boss = new PgBoss10({ connectionString: connections.url })
  boss.on('error', console.error)
  await boss.start()
  await boss.createQueue(queue)
  let worker: string | undefined
  const notify = (): void => {
    if (tuned && worker !== undefined) boss.notifyWorker(worker)
  }
  return {
    async fill(first, count) {
      for (const numbers of portions(first, count)) {
        await boss.insert(numbers.map((n) => ({ name: queue, data: payloadOf(n) })))
      }
    },
    async transact(n) {
      await transact(connections.prisma, n, (tx) => boss.send(queue, payloadOf(n), { db: throughPrisma(tx) }))
      notify()
    },
    async transactRaw(n) {
      await transactRaw(connections.pool, n, (client) => boss.send(queue, payloadOf(n), { db: throughPg(client) }))
      notify()
    },
    async work(handle) {
      const options = tuned ? { batchSize, pollingIntervalSeconds: 0.5 } : {}
      worker = await boss.work<Payload>(queue, options, async (jobs) => {
        await Promise.all(jobs.map(({ data }) => handle(data.n)))
        if (jobs.length === batchSize) notify()
      })
    },
    left: () => left(connections),
    close: () => boss.stop({ graceful: false, wait: false }),
  }
}
