import type { PoolClient } from 'pg'
import { createAfterCommit, defineTask } from 'after-commit'
import { createOutbox, createRelay, type RelayOptions } from 'after-commit/outbox'
import { nullLogger } from '../contestants.js'
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

type Settings = Partial<Omit<RelayOptions, 'afterCommit'>>

/** With its defaults, unless something else is said. `keyed`: with one key for each user. */
export async function afterCommitOutbox(
  { prisma, pool }: Connections,
  settings: Settings = {},
  keyed = false,
): Promise<JobSystem> {
  let handle: ((n: number) => unknown) | undefined
  const task = defineTask('bench', ({ n }: Payload) => handle?.(n) as Promise<void>, {
    durable: true,
    ...(keyed && { key: ({ userId }: Payload) => `user:${userId}` }),
  })
  const outbox = createOutbox(() => prisma)
  const raw = createOutbox(() => prisma, { provider: 'postgresql' })
  const afterCommit = createAfterCommit({ outbox, tasks: [task], logger: nullLogger() })
  const watched = afterCommit.watch(prisma)
  const relay = createRelay({ afterCommit, ...settings })
  return {
    async fill(first, count) {
      for (const numbers of portions(first, count)) {
        await watched.$transaction(async () => {
          for (const n of numbers) afterCommit(task, payloadOf(n))
        })
      }
    },
    transact: (n) => transact(watched, n, () => void afterCommit(task, payloadOf(n))),
    async transactRaw(n) {
      const parts = { messageType: 'bench', payload: JSON.stringify(payloadOf(n)), key: null, requestId: undefined }
      await transactRaw(pool, n, (client) => raw.insert([raw.message(parts)], executing(client)))
      outbox.wake()
    },
    async work(handler) {
      handle = handler
      await relay.start()
    },
    left: () => countOf(pool, `"OutboxMessage" WHERE "status" <> 'done'`),
    close: async () => void (await relay.stop()),
  }
}

const executing = (client: PoolClient): object => ({
  $executeRawUnsafe: async (sql: string, ...params: unknown[]) => (await client.query(sql, params)).rowCount,
})
