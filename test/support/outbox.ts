// A durable instance over one database, and what its table holds.
import type { TestContext } from 'node:test'
import type { PrismaClient } from '../../prisma/client/sqlite/client.js'
import { type AfterCommit, type AfterCommitOptions, createAfterCommit, type DefinedTask } from '../../src/index.js'
import {
  createOutbox,
  createRelay,
  type OutboxOptions,
  type PrismaOutbox,
  type Relay,
  type RelayOptions,
} from '../../src/outbox/index.js'
import { contextOptions } from './context.js'
import type { TestDatabase } from './databases.js'
import { type RecordingLogger, recordingLogger } from './recorders.js'
import { sharedClient } from './watched.js'

export interface Durable {
  readonly afterCommit: AfterCommit
  readonly outbox: PrismaOutbox
  readonly prisma: PrismaClient
  readonly log: RecordingLogger
}

/** `options.outbox` is that of `createOutbox`. */
export function durable(
  db: TestDatabase,
  tasks: readonly DefinedTask[],
  {
    base = sharedClient(db),
    options = {},
    ...more
  }: { base?: PrismaClient; options?: OutboxOptions } & AfterCommitOptions = {},
): Durable {
  const log = recordingLogger()
  const outbox = createOutbox(() => base, options)
  const afterCommit = createAfterCommit({ ...contextOptions(), logger: log, outbox, tasks, ...more })
  return { afterCommit, outbox, prisma: afterCommit.watch(base), log }
}

export interface StoredRow {
  readonly id: number
  readonly messageId: string
  readonly messageType: string
  readonly key: string | null
  readonly payload: string
  readonly headers: string | null
  readonly status: string
  readonly attempts: number
  readonly failCount: number
  readonly lockToken: number
  readonly lastError: string | null
}

/** The rows that another connection sees, in the order of their ids. */
export function messagesOf(db: TestDatabase): Promise<StoredRow[]> {
  return db.query<StoredRow>('SELECT * FROM "OutboxMessage" ORDER BY "id"')
}

/** Payloads by which the tests know their messages. */
export async function payloadsOf(db: TestDatabase): Promise<unknown[]> {
  return (await messagesOf(db)).map(({ payload }) => (payload === '' ? undefined : (JSON.parse(payload) as unknown)))
}

export interface Relaying extends Durable {
  readonly relay: Relay
}

/** The same with a relay that has started and stops after the test. What it retries, it retries at once. */
export async function relaying(
  t: TestContext,
  db: TestDatabase,
  tasks: readonly DefinedTask[],
  { relay: relayOptions = {}, ...more }: { relay?: Partial<RelayOptions> } & Parameters<typeof durable>[2] = {},
): Promise<Relaying> {
  const made = durable(db, tasks, more)
  const relay = relayOf(t, made, relayOptions)
  await relay.start()
  return { ...made, relay }
}

export function relayOf(t: TestContext, { afterCommit }: Durable, options: Partial<RelayOptions> = {}): Relay {
  const relay = createRelay({
    afterCommit,
    pollInterval: 50,
    retry: { minTimeout: 1, maxTimeout: 1, randomize: false },
    ...options,
  })
  t.after(() => relay.stop({ grace: 0 }))
  return relay
}
