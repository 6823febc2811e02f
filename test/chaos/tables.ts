// The tables of a round, beside the library's: what was committed, in which order, and which effects there were.
import type { SqlQuery, Transaction } from '@prisma/driver-adapter-utils'
import type { Provider } from '../../prisma/providers.js'
import type { Database } from '../support/servers.js'
import type { Work } from './workload.js'

/** `work`: what the transaction has registered, if it commits. `position`: the number of its commit. */
export const insertTransaction: Readonly<Record<Provider, string>> = {
  postgresql: `INSERT INTO "ChaosTransaction" ("name", "work") VALUES ($1, $2)`,
  sqlite: `INSERT INTO "ChaosTransaction" ("name", "work") VALUES (?, ?)`,
  mysql: 'INSERT INTO `ChaosTransaction` (`name`, `work`) VALUES (?, ?)',
}

export const insertEffect: Readonly<Record<Provider, string>> = {
  postgresql: `INSERT INTO "ChaosEffect" ("message", "pid") VALUES ($1, $2)`,
  sqlite: `INSERT INTO "ChaosEffect" ("message", "pid") VALUES (?, ?)`,
  mysql: 'INSERT INTO `ChaosEffect` (`message`, `pid`) VALUES (?, ?)',
}

const types = {
  postgresql: { name: 'text', id: 'bigserial PRIMARY KEY' },
  sqlite: { name: 'text', id: 'integer PRIMARY KEY AUTOINCREMENT' },
  mysql: { name: 'varchar(100)', id: 'bigint AUTO_INCREMENT PRIMARY KEY' },
}

export async function createTables(database: Pick<Database, 'execute'>, provider: Provider): Promise<void> {
  const { name, id } = types[provider]
  await database.execute(`
    CREATE TABLE "ChaosTransaction" ("name" ${name} PRIMARY KEY, "work" text NOT NULL, "position" bigint);
    CREATE TABLE "ChaosEffect" ("id" ${id}, "message" ${name} NOT NULL, "pid" int NOT NULL);
    CREATE TABLE "ChaosClock" ("commits" bigint NOT NULL);
    INSERT INTO "ChaosClock" ("commits") VALUES (0);`)
}

/**
 * Numbers a transaction just before its COMMIT, when its messages are stored: one row gives the numbers, and whoever has it
 * locked commits first. So the order of the commits is known, and nothing but the outbox itself orders what is stored before.
 */
export async function number(tx: Transaction, provider: Provider, name: string): Promise<void> {
  const marked = (sql: string): string => (provider === 'mysql' ? sql.replaceAll('"', '`') : sql)
  const run = (sql: string, ...args: string[]): Promise<number> => {
    const argTypes: SqlQuery['argTypes'] = args.map(() => ({ scalarType: 'string', arity: 'scalar' }))
    return tx.executeRaw({ sql: marked(sql), args, argTypes })
  }
  await run('UPDATE "ChaosClock" SET "commits" = "commits" + 1')
  const which = provider === 'postgresql' ? '$1' : '?'
  await run(
    `UPDATE "ChaosTransaction" SET "position" = (SELECT "commits" FROM "ChaosClock") WHERE "name" = ${which}`,
    name,
  )
}

/** What another connection sees. */
export async function committedIn(db: Pick<Database, 'query'>): Promise<{ name: string; work: Work[] }[]> {
  const rows = await db.query('SELECT "name", "work" FROM "ChaosTransaction" ORDER BY "position"', [])
  return rows.map(({ name, work }) => ({ name: String(name), work: JSON.parse(String(work)) as Work[] }))
}

export async function effectsIn(db: Pick<Database, 'query'>): Promise<string[]> {
  const rows = await db.query('SELECT "message" FROM "ChaosEffect" ORDER BY "id"', [])
  return rows.map(({ message }) => String(message))
}

/** A row of the outbox. */
export interface Left {
  readonly name: string
  readonly key: string | null
  readonly status: string
  readonly attempts: number
  readonly failCount: number
}

export async function leftIn(db: Pick<Database, 'query'>): Promise<Left[]> {
  const rows = await db.query(
    'SELECT "payload", "key", "status", "attempts", "failCount" FROM "OutboxMessage" ORDER BY "id"',
    [],
  )
  return rows.map(({ payload, ...row }) =>
    Object.assign(row as Omit<Left, 'name'>, { name: (JSON.parse(String(payload)) as Work).name }),
  )
}
