import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import type { Database, Row, Server } from './servers.js'

export const postgresql = postgresqlAt(process.env['POSTGRES_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres')

export function postgresqlAt(address: string): Server {
  const server: Server = {
    name: 'postgresql',
    provider: 'postgresql',
    address,
    ping: async () => {
      await admin(address, 'SELECT 1')
    },
    create: (database) => create(server, database),
    list: async (prefix) =>
      (await admin(address, `SELECT datname FROM pg_database WHERE starts_with(datname, '${prefix}')`)).map((row) =>
        String(row['datname']),
      ),
    // Some tests kill their client while it holds connections.
    drop: async (database) => {
      await admin(address, `DROP DATABASE IF EXISTS "${database}" WITH (FORCE)`)
    },
  }
  return server
}

async function admin(address: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: address, connectionTimeoutMillis: 3_000 })
  await client.connect()
  try {
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}

async function create(server: Server, database: string): Promise<Database> {
  const { address } = server
  await admin(address, `CREATE DATABASE "${database}"`)
  const url = new URL(address)
  url.pathname = database
  const types: pg.CustomTypesConfig = {
    getTypeParser: (oid, format) => parsers.get(oid) ?? (pg.types.getTypeParser(oid, format) as () => unknown),
  }
  const pool = new pg.Pool({ connectionString: url.href, max: 2, types })
  // An idle connection that a test kills is replaced by the pool; without a listener it would end the process.
  pool.on('error', () => {})

  return {
    url: url.href,
    newAdapter: (connections) => new PrismaPg({ connectionString: url.href, max: connections }),
    query: async (sql, params) => {
      let number = 0
      const { rows } = await pool.query<Row>(
        sql.replace(/\?/g, () => `$${++number}`),
        [...params],
      )
      return rows
    },
    execute: async (sql) => {
      await pool.query(sql)
    },
    empty: async () => {
      const { rows } = await pool.query<{ tablename: string }>(
        `SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> '_prisma_migrations'`,
      )
      const deletes = rows.map((row) => `DELETE FROM "${row.tablename}";`)
      // As a replica, so that no order of the foreign keys has to be found. TRUNCATE would wait for every reader.
      await pool.query(`BEGIN; SET LOCAL session_replication_role = replica; ${deletes.join(' ')} COMMIT;`)
    },
    close: async () => {
      await pool.end()
      await server.drop(database)
    },
  }
}

/** Numbers for bigint (`count(*)`), and UTC for timestamp, as Prisma stores it. */
const parsers = new Map<number, (value: string) => unknown>([
  [20, Number],
  [1114, (value) => new Date(`${value.replace(' ', 'T')}Z`)],
])
