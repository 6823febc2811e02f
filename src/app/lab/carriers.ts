// One instance on one carrier and one SQLite database, for measurements: each in a process of its own, since a cls-hooked
// namespace slows down all of a process.
import { AsyncLocalStorage } from 'node:async_hooks'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNamespace } from 'cls-hooked'
import { connect, migrateDatabase, type PrismaClient } from '../database.js'
import { clsHooked } from '../../context/cls-hooked.js'
import { type AfterCommit, createAfterCommit } from '../../index.js'
import { quietLogger } from './quiet-logger.js'

export const carriers = ['AsyncLocalStorage', 'AsyncLocalStorage beside cls-hooked', 'cls-hooked'] as const
export type CarrierName = (typeof carriers)[number]

export interface Carried {
  readonly afterCommit: AfterCommit
  readonly prisma: PrismaClient
  /** Runs `fn` in the context of a request of its own. */
  readonly request: <R>(id: number, fn: () => R) => R
  /** The id of the request around the caller. */
  readonly requestId: () => number | undefined
  /** Contexts that cls-hooked still holds. */
  contexts(): number
  close(): Promise<void>
}

/** @param given A database with tables. Without one it is made, and removed by `close`. */
export async function open(name: CarrierName, given?: string): Promise<Carried> {
  const folder = await mkdtemp(join(tmpdir(), 'after-commit-carrier-'))
  const url = given ?? `file:${join(folder, 'test.db')}`
  if (given === undefined) await migrateDatabase(url)
  const client = connect(url)
  const namespace = name === 'AsyncLocalStorage' ? undefined : createNamespace<{ id: number }>('requests')
  const storage = new AsyncLocalStorage<number>()
  const retry = { retries: 1, minTimeout: 0, randomize: false }
  const context = name === 'cls-hooked' && namespace ? { context: clsHooked(namespace) } : {}
  const afterCommit = createAfterCommit({ ...context, logger: quietLogger, retry, maxPending: 100_000 })
  return {
    afterCommit,
    prisma: afterCommit.watch(client),
    request: (id, fn) =>
      namespace
        ? namespace.runAndReturn(() => {
            namespace.set('id', id)
            return fn()
          })
        : storage.run(id, fn),
    requestId: () => (namespace ? namespace.get('id') : storage.getStore()),
    contexts: () => (namespace as { _contexts?: Map<number, object> } | undefined)?._contexts?.size ?? 0,
    async close() {
      await afterCommit.close({ grace: 0 })
      await client.$disconnect()
      await rm(folder, { recursive: true })
    },
  }
}
