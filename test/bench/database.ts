import type { Pool } from 'pg'
import { migrationsOf } from '../../prisma/migrate.js'
import { postgresql } from '../support/postgresql.js'
import { prefix, unavailable } from '../support/servers.js'

const variable = 'BENCH_DATABASE_URL'

/** Gives `use` the environment for the rounds, in which `databaseUrl()` names a new database on PostgreSQL. */
export async function withDatabase(
  use: (env: NodeJS.ProcessEnv) => Promise<void>,
  skip: (reason: string) => void,
): Promise<void> {
  const reason = await unavailable(postgresql)
  if (reason !== undefined) {
    if (process.env['CI'] === 'true') throw new Error(reason)
    return skip(reason)
  }
  const database = await postgresql.create(`${prefix}bench`)
  try {
    await migrate((sql) => database.execute(sql))
    await use({ ...process.env, [variable]: database.url })
  } finally {
    await database.close()
  }
}

async function migrate(execute: (sql: string) => Promise<unknown>): Promise<void> {
  for (const { migrationFile } of migrationsOf('postgresql').migrationDirectories) {
    if (migrationFile.content.tag === 'ok') await execute(migrationFile.content.value)
  }
}

/** Our tables, empty and new, and nothing that somebody else has made in the database. */
export async function freshSchema(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ name: string }>(
    `SELECT nspname AS name FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'`,
  )
  for (const { name } of rows) await pool.query(`DROP SCHEMA "${name}" CASCADE`)
  await pool.query('CREATE SCHEMA public')
  await migrate((sql) => pool.query(sql))
}

export function databaseUrl(): string {
  const url = process.env[variable]
  if (url === undefined) throw new Error(`Expected ${variable} to name a database`)
  return url
}
