import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import type { AfterCommit, DefinedTask, TaskContext, TaskRun } from '../index.js'
import type { PrismaClient, Transaction } from './database.js'
import { logger } from './logger.js'
import { requests } from './request-context.js'
import { traceCall } from './trace.js'

type Options = Parameters<PrismaClient['$transaction']>[1]

/**
 * Rung 0, the mistake to show: the same two names with the same call sites, but each task is called at once and awaited
 * before the transaction commits. So the user waits for the partner while the database waits for the user; a partner
 * that fails fails the request; and what was sent stays sent when the transaction rolls back.
 */
export function callInside(
  pool: AfterCommit,
  database: PrismaClient,
): { afterCommit: AfterCommit; prisma: PrismaClient } {
  const openCalls = new AsyncLocalStorage<Promise<unknown>[]>()

  const afterCommit = new Proxy(pool, {
    apply(target, self, args: unknown[]) {
      const calls = openCalls.getStore()
      if (calls === undefined) return Reflect.apply(target, self, args) as unknown
      const call = callNow(args)
      call.catch(() => {}) // awaited below; until then a failure is not "unhandled"
      calls.push(call)
      return undefined
    },
  })

  const prisma = new Proxy(database, {
    get(target, property) {
      if (property !== '$transaction') return Reflect.get(target, property) as unknown
      return <R>(run: (tx: Transaction) => Promise<R>, options?: Options) =>
        target.$transaction(
          (tx) =>
            openCalls.run([], async () => {
              try {
                const result = await run(tx)
                await Promise.all(openCalls.getStore() ?? [])
                return result
              } finally {
                await Promise.allSettled(openCalls.getStore() ?? [])
              }
            }),
          options,
        )
    },
  })

  return { afterCommit, prisma }
}

/** What `afterCommit` is called with here is a name and a closure, or a defined task and its payload. */
async function callNow([first, second]: unknown[]): Promise<unknown> {
  const id = randomUUID()
  const name = typeof first === 'object' ? (first as DefinedTask).name : (first as string)
  const context: TaskContext = {
    id,
    name,
    attempt: 1,
    signal: AbortSignal.timeout(5_000),
    log: logger.child({ taskId: id }),
  }
  const run = (): unknown =>
    typeof first === 'object'
      ? (first as DefinedTask).run(JSON.parse(JSON.stringify(second)) as never, context)
      : (second as TaskRun)(context)
  return traceCall({ id, name, requestId: requests.currentRequestId() }, run)
}
