// A real driver adapter that does something before each COMMIT is sent, or before its answer is passed on.
import type { SqlDriverAdapter, SqlDriverAdapterFactory, SqlQuery, Transaction } from '@prisma/driver-adapter-utils'

export interface AroundCommit {
  readonly before?: (tx: Transaction) => Promise<void>
  readonly after?: () => Promise<void>
}

export function aroundCommit(factory: SqlDriverAdapterFactory, around: AroundCommit): SqlDriverAdapterFactory {
  return {
    provider: factory.provider,
    adapterName: factory.adapterName,
    connect: async () => {
      const adapter = await factory.connect()
      return override(adapter, {
        startTransaction: async (...args: Parameters<SqlDriverAdapter['startTransaction']>) =>
          aroundTransaction(await adapter.startTransaction(...args), around),
      })
    },
  }
}

/** Some adapters are told to commit, others get the statement and then only release their connection. */
function aroundTransaction(tx: Transaction, { before, after }: AroundCommit): Transaction {
  const within = async <R>(commit: () => Promise<R>): Promise<R> => {
    await before?.(tx)
    try {
      return await commit()
    } finally {
      await after?.()
    }
  }
  return override(tx, {
    commit: () => (tx.options.usePhantomQuery ? within(() => tx.commit()) : tx.commit()),
    executeRaw: (query: SqlQuery) =>
      query.sql === 'COMMIT' ? within(() => tx.executeRaw(query)) : tx.executeRaw(query),
  })
}

/** The same object with some methods replaced; the others keep their `this`, which has private fields. */
function override<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get(_, key) {
      const value: unknown = Reflect.get(key in methods ? methods : target, key)
      return typeof value === 'function' && !(key in methods) ? (value.bind(target) as unknown) : value
    },
  })
}
