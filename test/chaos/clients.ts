// The Prisma client of a process that knows its database by provider and address only.
import type { SqlDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import type { PrismaClient } from '../../prisma/client/sqlite/client.js'
import type { Provider } from '../../prisma/providers.js'
import { patient } from '../support/watched.js'

/** Loaded when needed, and before: each is big. */
export async function loadClient(
  provider: Provider,
): Promise<
  (
    url: string,
    connections: number,
    wrap?: (adapter: SqlDriverAdapterFactory) => SqlDriverAdapterFactory,
  ) => PrismaClient
> {
  const { PrismaClient: Client } = (await import(`../../prisma/client/${provider}/client.js`)) as {
    PrismaClient: typeof PrismaClient
  }
  const adapterOf = await adapters[provider]()
  return (url, connections, wrap = (adapter) => adapter) =>
    new Client({ adapter: wrap(adapterOf(url, connections)), transactionOptions: patient })
}

type AdapterOf = (url: string, connections: number) => SqlDriverAdapterFactory

const adapters: Readonly<Record<Provider, () => Promise<AdapterOf>>> = {
  postgresql: async () => {
    const { PrismaPg } = await import('@prisma/adapter-pg')
    return (connectionString, max) => new PrismaPg({ connectionString, max })
  },
  mysql: async () => {
    const { PrismaMariaDb } = await import('@prisma/adapter-mariadb')
    return (url, connectionLimit) => {
      const { hostname: host, port, username: user, password, pathname } = new URL(url)
      const login = { host, port: Number(port || 3306), user, password, database: pathname.slice(1) }
      return new PrismaMariaDb({ ...login, connectionLimit, minimumIdle: 1 })
    }
  },
  sqlite: async () => {
    const { PrismaLibSql } = await import('@prisma/adapter-libsql')
    // Other processes may hold the only lock there is.
    return (url) => new PrismaLibSql({ url, timeout: 20_000 })
  },
}
