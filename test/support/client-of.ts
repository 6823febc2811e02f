// The client of a process that is told its database on the command line.
import { PrismaLibSql } from '@prisma/adapter-libsql'
import { PrismaMariaDb } from '@prisma/adapter-mariadb'
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient as MysqlClient } from '../../prisma/client/mysql/client.js'
import { PrismaClient as PostgresqlClient } from '../../prisma/client/postgresql/client.js'
import { PrismaClient } from '../../prisma/client/sqlite/client.js'

const clients: Record<string, (url: string) => PrismaClient> = {
  // Another process may hold the only lock there is.
  sqlite: (url) => new PrismaClient({ adapter: new PrismaLibSql({ url, timeout: 20_000 }) }),
  postgresql: (url) =>
    new PostgresqlClient({ adapter: new PrismaPg({ connectionString: url }) }) as unknown as PrismaClient,
  mysql: (url) => new MysqlClient({ adapter: new PrismaMariaDb(url) }) as unknown as PrismaClient,
}

export function clientOf(provider: string, url: string): PrismaClient {
  const client = clients[provider]?.(url)
  if (!client) throw new Error(`No client for ${provider}`)
  return client
}
