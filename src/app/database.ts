import { PrismaLibSql } from '@prisma/adapter-libsql'
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient as PostgresqlClient } from '../../prisma/client/postgresql/client.js'
import { type Prisma, PrismaClient } from '../../prisma/client/sqlite/client.js'
import { migrate } from '../../prisma/migrate.js'
import { type Provider, datasource } from '../../prisma/providers.js'

export type { PrismaClient }

/** The client inside a transaction. */
export type Transaction = Prisma.TransactionClient

// A transaction waits for its turn (SQLite has one writer) and then has time for its work, but no request waits for
// ever.
const transactionOptions = { maxWait: 3_000, timeout: 6_000 }

/**
 * Opens the database of the app. An SQLite file is nobody else's business, so it gets the migrations that it does not
 * have yet; a PostgreSQL database is somebody's responsibility.
 */
export async function openDatabase(url: string): Promise<PrismaClient> {
  if (isEmbedded(url)) await migrateDatabase(url)
  return connect(url)
}

/**
 * A client for PostgreSQL or for an SQLite file, whichever the URL names.
 *
 * Both clients are generated from the same models, so the app knows one type of client. This is the only cast.
 */
export function connect(url: string): PrismaClient {
  const provider = providerOf(url)
  // Waits while another process writes.
  if (provider === 'sqlite')
    return new PrismaClient({ adapter: new LibSql({ url, timeout: 5_000 }), transactionOptions })
  const adapter = new PrismaPg({ connectionString: url })
  return new PostgresqlClient({ adapter, transactionOptions }) as unknown as PrismaClient
}

/**
 * Asks for the lock of the file at BEGIN. One that has read already would be refused it at its first write if another
 * process had written in between.
 */
class LibSql extends PrismaLibSql {
  override createClient(config: Parameters<PrismaLibSql['createClient']>[0]) {
    const client = super.createClient(config)
    const begin = client.transaction.bind(client)
    client.transaction = () => begin('write')
    return client
  }
}

/** Applies the migrations that the database does not have yet. */
export async function migrateDatabase(url: string): Promise<void> {
  await migrate(providerOf(url) === 'sqlite' ? new PrismaLibSql({ url }) : new PrismaPg({ connectionString: url }))
}

/** True for an SQLite file. */
export function isEmbedded(url: string): boolean {
  return providerOf(url) === 'sqlite'
}

function providerOf(url: string): Exclude<Provider, 'mysql'> {
  const { provider } = datasource(url)
  if (provider === 'mysql') throw new Error('Expected DATABASE_URL to name PostgreSQL or an SQLite file, got MySQL')
  return provider
}
