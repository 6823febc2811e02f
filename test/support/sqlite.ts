import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, type Client, type InValue } from '@libsql/client'
import { PrismaLibSql } from '@prisma/adapter-libsql'
import type { Database, Server } from './servers.js'

// SQLite waits for a lock without returning to the event loop. So this helps against another process only; against
// another connection of this one it would wait in vain.
const timeout = 500

export const sqlite: Server = {
  name: 'sqlite',
  provider: 'sqlite',
  address: tmpdir(),
  ping: () => Promise.resolve(),
  create,
  list: async (prefix) => (await readdir(tmpdir())).filter((name) => name.startsWith(prefix)),
  drop: (folder) => rm(join(tmpdir(), folder), { recursive: true, force: true }),
}

async function create(name: string): Promise<Database> {
  const folder = await mkdtemp(join(tmpdir(), `${name}-`))
  const url = `file:${join(folder, 'test.db')}`

  // A connection each time: libsql does not reset a statement that failed with SQLITE_BUSY, and a connection with such a
  // statement keeps reading the rows of that moment.
  const withClient = async <T>(use: (client: Client) => Promise<T>): Promise<T> => {
    const client = createClient({ url, timeout })
    try {
      return await use(client)
    } finally {
      client.close()
    }
  }

  // Readers beside a writer need the write-ahead log. The mode is stored in the file.
  await withClient((client) => client.execute('PRAGMA journal_mode = WAL'))

  return {
    url,
    newAdapter: () => new PrismaLibSql({ url, timeout }),
    query: (sql, params) =>
      withClient(async (client) => {
        const { rows } = await client.execute({ sql, args: params as InValue[] })
        return rows
      }),
    execute: (sql) => withClient((client) => client.executeMultiple(sql)),
    empty: () =>
      withClient(async (client) => {
        const { rows } = await client.execute(
          `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> '_prisma_migrations'`,
        )
        const deletes = rows.map((row) => `DELETE FROM "${row['name'] as string}";`)
        await client.executeMultiple(`PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE; ${deletes.join(' ')} COMMIT;`)
      }),
    close: () => rm(folder, { recursive: true, force: true }),
  }
}
