// Which databases the tests can use, and how each one is created, asked and dropped.
import type { SqlDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import type { Provider } from '../../prisma/providers.js'
import { mariadb } from './mariadb.js'
import { postgresql } from './postgresql.js'
import { sqlite } from './sqlite.js'

export type DatabaseName = 'sqlite' | 'postgresql' | 'mariadb'
export type Row = Record<string, unknown>

export interface Server {
  readonly name: DatabaseName
  readonly provider: Provider
  /** Where it is, for people. */
  readonly address: string
  /** Rejects when the server does not answer. */
  ping(): Promise<void>
  create(database: string): Promise<Database>
  /** The names of the databases that start so, for those that a killed process left. */
  list(prefix: string): Promise<string[]>
  drop(database: string): Promise<void>
}

/** One created database. `query` and `execute` use connections of their own, so they see what is committed. */
export interface Database {
  readonly url: string
  newAdapter(connections: number): SqlDriverAdapterFactory
  query(sql: string, params: readonly unknown[]): Promise<Row[]>
  execute(sql: string): Promise<void>
  /** Deletes all rows of all tables. */
  empty(): Promise<void>
  close(): Promise<void>
}

const asked = process.env['TEST_DATABASES']?.split(',')

/** All of them, or those that TEST_DATABASES names, as in `TEST_DATABASES=sqlite,mariadb`. */
export const servers: readonly Server[] = [sqlite, postgresql, mariadb].filter(
  ({ name }) => asked?.includes(name) ?? true,
)

/** Databases of one run of the tests share it, so that the runner finds those that a killed test left. */
export const prefix = `after_commit_test_${process.env['TEST_RUN'] ?? process.pid}_`

/** Why a server can not be used; undefined when it answers. */
export async function unavailable(server: Server): Promise<string | undefined> {
  try {
    await server.ping()
    return undefined
  } catch (error) {
    return `${server.name} does not answer at ${server.address}: ${error instanceof Error ? error.message : String(error)}`
  }
}

export async function dropAll(): Promise<void> {
  for (const server of servers) {
    if ((await unavailable(server)) !== undefined) continue
    for (const database of await server.list(prefix)) await server.drop(database)
  }
}
