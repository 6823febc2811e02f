import { TransactionAbortedError } from './errors.js'
import type { Client } from './prisma-client.js'
import { databaseCode, mayHaveAborted } from './prisma-errors.js'
import type { Scope } from './scope.js'

/**
 * Committed must mean committed: PostgreSQL answers COMMIT of an aborted transaction with a rollback, and Prisma resolves.
 * So where a query has failed and something waits for the commit, one more statement asks whether the transaction is alive.
 *
 * @returns Nothing where there is nothing to wait for.
 */
export function verify(scope: Scope, tx: Client): Promise<void> | undefined {
  const { queries, doom } = scope.root
  return queries > 0 || doom || scope.failure ? ask(scope, tx) : undefined
}

async function ask(scope: Scope, tx: Client): Promise<void> {
  const { root } = scope
  // Queries that nobody awaited can still abort the transaction before its COMMIT.
  await root.noQuery()
  // InnoDB answers a deadlock (1213) by rolling the whole transaction back, and goes on outside of one.
  if (root.doom) throw new TransactionAbortedError('failed', root.doom.error)
  const swallowed = scope.takeFailure()
  if (!swallowed) return
  const probe = async (): Promise<unknown> => await tx.$queryRawUnsafe?.('SELECT 1')
  const answer = await probe().catch((error: unknown) => error)
  // Seen below the extensions, too: one that hides errors cannot hide it there.
  const seen = scope.takeFailure()?.error
  if ([answer, seen].some((error) => databaseCode(error) === '25P02')) {
    throw new TransactionAbortedError('failed', swallowed.error)
  }
}

/** A query failed and nobody has asked, since nothing was registered by then. What registers from now on must not run on a guess. */
export function isUnverified({ failure, doom }: Scope): boolean {
  return doom !== undefined || (failure !== undefined && mayHaveAborted(failure.error))
}
