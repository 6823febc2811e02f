// Connections that a test can lose.
import type { TestContext } from 'node:test'
import { PrismaMariaDb } from '@prisma/adapter-mariadb'
import { PrismaPg } from '@prisma/adapter-pg'
import type { PrismaClient } from '../../prisma/client/sqlite/client.js'
import type { TestDatabase } from './databases.js'
import { newClientWith } from './held-commit.js'
import type { Tx } from './watched.js'

/** A client of a database server at `url`, which tells when one of its connections is lost. */
export function connectTo(
  db: TestDatabase,
  url: string,
  t: TestContext,
  onConnectionError = (): void => {},
): Promise<PrismaClient> {
  if (db.provider === 'postgresql') {
    return newClientWith(db, new PrismaPg({ connectionString: url }, { onConnectionError }), t)
  }
  const { hostname: host, port, username: user, password, pathname } = new URL(url)
  const config = { host, port: Number(port), user, password, database: pathname.slice(1), connectionLimit: 2 }
  return newClientWith(db, new PrismaMariaDb({ ...config, minimumIdle: 1 }, { onConnectionError }), t)
}

/** Kills the connection of a transaction from another one. */
export async function kill(db: TestDatabase, tx: Tx): Promise<void> {
  const postgresql = db.provider === 'postgresql'
  const ask = postgresql ? 'SELECT pg_backend_pid() AS id' : 'SELECT connection_id() AS id'
  const [row] = await tx.$queryRawUnsafe<{ id: number | bigint }[]>(ask)
  if (postgresql) await db.query('SELECT pg_terminate_backend(?)', Number(row?.id))
  else await db.execute(`KILL CONNECTION ${row?.id}`)
}
