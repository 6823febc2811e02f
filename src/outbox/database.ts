import { OptionsError } from '../core/errors.js'

export type Provider = 'postgresql' | 'mysql' | 'sqlite'
export type Row = Readonly<Record<string, unknown>>

/** What the outbox needs of a Prisma client or of a transaction, by shape. */
export interface RawClient {
  $queryRawUnsafe(sql: string, ...params: unknown[]): PromiseLike<unknown>
  $executeRawUnsafe(sql: string, ...params: unknown[]): PromiseLike<number>
  $transaction?: unknown
}

/** Sends a statement and answers with its rows. */
export type Query = (sql: string, ...params: unknown[]) => Promise<readonly Row[]>

export interface Database {
  readonly provider: Provider
  readonly query: Query
  /** Runs statements in one transaction, where a row that was committed meanwhile can be seen by the next one. */
  transaction<R>(run: (query: Query, execute: Query) => Promise<R>): Promise<R>
}

export const providers: readonly Provider[] = ['postgresql', 'mysql', 'sqlite']

/** Which database a client talks to: Prisma keeps it in a place of its own. @throws OptionsError where it is not there. */
export function providerOf(client: object, given: Provider | undefined): Provider {
  const { _activeProvider: active } = client as { readonly _activeProvider?: unknown }
  const provider = given ?? (active === 'postgres' || active === 'cockroachdb' ? 'postgresql' : active)
  if (providers.includes(provider as Provider)) return provider as Provider
  throw OptionsError.expected('provider', `given (the client does not tell): one of ${providers.join(', ')}`, provider)
}

const queryOf =
  (client: RawClient): Query =>
  async (sql, ...params) =>
    (await client.$queryRawUnsafe(sql, ...params)) as readonly Row[]

const executeOf =
  (client: RawClient): Query =>
  async (sql, ...params) => {
    await client.$executeRawUnsafe(sql, ...params)
    return []
  }

type Transact = (
  this: RawClient,
  run: (tx: RawClient) => Promise<unknown>,
  options: { readonly isolationLevel?: 'ReadCommitted' },
) => Promise<unknown>

export function throughPrisma(client: RawClient, provider: Provider): Database {
  return {
    provider,
    query: queryOf(client),
    transaction: <R>(run: (query: Query, execute: Query) => Promise<R>) =>
      // Read committed: the locks of a claim must not reach the gaps that new messages are written into.
      (client.$transaction as Transact).call(
        client,
        (tx) => run(queryOf(tx), executeOf(tx)),
        provider === 'sqlite' ? {} : { isolationLevel: 'ReadCommitted' }, // which has one, and it is another
      ) as Promise<R>,
  }
}
