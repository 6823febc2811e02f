import type { PrismaLike } from '../core/prisma-client.js'
import { answerTo } from './fake-answers.js'
import { FakeConnection, type FakeQuery } from './fake-connection.js'
import { type FakeServer, fakeView } from './fake-view.js'

export interface FakeClientOptions {
  /**
   * Answers a query, or throws what the query fails with. `undefined` is the default answer: `create` and its like give their
   * `data` back, the others an empty list, no row, or a count of 0.
   */
  readonly onQuery?: (query: FakeQuery) => unknown
}

export interface FakeClient<C> {
  /** Stands for a client of Prisma, or for what `watch` is given. */
  readonly client: C
  /** The queries that succeeded outside a transaction or in one that has committed; a savepoint that rolled back took its away. */
  readonly committed: readonly FakeQuery[]
  /**
   * The next COMMIT fails with this error, and nothing of its transaction is stored. As with a real database, the library takes an
   * error without the database's code for a connection that was lost meanwhile: the outcome is `unknown` then.
   *
   * @param error @default a write conflict, as Prisma's drivers report one at COMMIT
   */
  failCommit(error?: unknown): void
}

/**
 * A client without a database, for unit tests: its transactions commit, roll back and nest as Prisma's do (savepoints, independent
 * transactions of the root client, the array form, errors untouched, queries refused after the end), and `$extends` works for
 * `client`, `model` and `query`. It stores no rows, knows every model, and has neither timeouts nor isolation.
 *
 * @example
 * const database = fakeClient<PrismaClient>({ onQuery: ({ operation }) => (operation === 'findUnique' ? { id: 7 } : undefined) })
 * const prisma = afterCommit.watch(database.client)
 * database.failCommit()
 * await assert.rejects(placeOrder(prisma))
 */
export function fakeClient<C extends PrismaLike = PrismaLike>({ onQuery }: FakeClientOptions = {}): FakeClient<C> {
  const committed: FakeQuery[] = []
  const failures: { readonly error: unknown }[] = []
  const server: FakeServer = {
    connect: () =>
      new FakeConnection((queries) => {
        const failure = failures.shift()
        if (failure) throw failure.error
        committed.push(...queries)
      }),
    async answer(query, connection) {
      const answer: unknown = await onQuery?.(query)
      if (connection) connection.add(query)
      else committed.push(query)
      return answer === undefined ? answerTo(query) : answer
    },
  }
  return {
    client: fakeView(server) as unknown as C,
    committed,
    failCommit: (...error: unknown[]) => void failures.push({ error: error.length > 0 ? error[0] : writeConflict() }),
  }
}

/** What `@prisma/adapter-pg` rejects with when PostgreSQL refuses a COMMIT. */
function writeConflict(): Error {
  const cause = {
    kind: 'TransactionWriteConflict',
    originalCode: '40001',
    originalMessage: 'could not serialize access',
  }
  return Object.assign(new Error('TransactionWriteConflict', { cause }), { name: 'DriverAdapterError' })
}
