import type { AfterCommit } from '../core/face.js'
import { OptionsError } from '../core/errors.js'
import type { PrismaLike } from '../core/prisma-client.js'
import { internalsOf } from './internals-of.js'
import { type NestedClient, Nesting } from './nesting.js'

export interface TestTransaction<C> {
  /**
   * What the application uses in place of its client. Its queries and transactions are those of the test's transaction; outside of
   * `begin()` and `rollback()` it throws.
   */
  readonly client: C
  /** Before each test: opens the transaction. @throws OptionsError if it is open. */
  begin(): Promise<void>
  /** After each test: rolls back all that happened. @throws What has ended the transaction meanwhile, its timeout for instance. */
  rollback(): Promise<void>
}

export interface TestTransactionOptions {
  /** Milliseconds for a whole test. @default 600_000 */
  readonly timeout?: number
  /** Milliseconds to wait for a connection. @default 10_000 */
  readonly maxWait?: number
  /** One of Prisma's isolation levels, for the test's transaction and all in it. @default the database's */
  readonly isolationLevel?: string
}

/**
 * For tests that run in a transaction which is rolled back in the end. The application's own transactions become savepoints in it,
 * one at a time, and count as committed for their tasks when they end: these run then (or are captured), although the rows are
 * gone after the test. A transaction of the application that rolls back drops its tasks as ever.
 *
 * Three differences remain. A transaction that is opened inside the callback of another one cannot commit on its own: it counts as
 * nested in that (and where the outer one is nested with `tx.$transaction`, Prisma refuses it). Isolation levels and timeouts of
 * the application's transactions have no effect. And on PostgreSQL a query that fails outside of them aborts the whole test, as a
 * failed statement aborts its transaction there.
 *
 * @param prisma The application's client, as `watch` returned it or extended later.
 * @throws OptionsError for anything that `createAfterCommit` has not made.
 * @example
 * const database = testTransaction(afterCommit, prisma)
 * beforeEach(() => database.begin())
 * afterEach(() => database.rollback())
 * test('an order is stored', async () => {
 *   await placeOrder(database.client, buyer, course)
 * })
 */
export function testTransaction<C extends PrismaLike>(
  afterCommit: AfterCommit,
  prisma: C,
  options: TestTransactionOptions = {},
): TestTransaction<C> {
  const { watcher } = internalsOf(afterCommit)
  const root = prisma as unknown as NestedClient
  let open: Open | undefined

  const nesting = (): Nesting => {
    if (!open) throw new OptionsError('The client of testTransaction was used outside begin() and rollback()')
    return open.nesting
  }
  const own: Readonly<Record<PropertyKey, unknown>> = {
    $transaction: (input: unknown) => nesting().run(input),
    $extends: () => {
      throw new OptionsError(
        'Extend the client before you give it to testTransaction: a transaction cannot be extended',
      )
    },
    $connect: async () => undefined,
    $disconnect: async () => undefined,
  }
  const client = new Proxy(
    {},
    {
      get: (_, key) =>
        Object.hasOwn(own, key) ? own[key] : key === 'then' ? undefined : Reflect.get(nesting().tx, key),
      has: (_, key) => Object.hasOwn(own, key) || Reflect.has(nesting().tx, key),
    },
  )

  return {
    client: client as unknown as C,
    async begin() {
      if (open) throw new OptionsError('begin() was called twice: call rollback() after each test')
      const begun = await beginOn(root, options)
      try {
        const scope = watcher.scopeOf(begun.nesting.tx)
        if (scope) scope.transparent = true
      } catch (error) {
        await begun.rollback()
        throw error
      }
      open = begun
    },
    async rollback() {
      const { rollback } = open ?? {}
      open = undefined
      await rollback?.()
    },
  }
}

interface Open {
  readonly nesting: Nesting
  readonly rollback: () => Promise<void>
}

/** Opens a transaction and keeps it open; its only way out is the rollback. */
function beginOn(prisma: NestedClient, options: TestTransactionOptions): Promise<Open> {
  const end = new Error('the end of the test')
  return new Promise((begun, failed) => {
    const callback = (tx: NestedClient): Promise<never> =>
      new Promise((_, reject) => {
        begun({
          nesting: new Nesting(tx),
          async rollback() {
            reject(end)
            await transaction.catch((error: unknown) => {
              if (error !== end) throw error
            })
          },
        })
      })
    const transaction = prisma.$transaction(callback, { timeout: 600_000, maxWait: 10_000, ...options })
    transaction.catch(failed)
  })
}
