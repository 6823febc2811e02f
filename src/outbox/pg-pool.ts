import { createHash } from 'node:crypto'
import type { Database, Row } from './database.js'

/** What the relay needs of a pool of `pg`, by shape. */
export interface PgPool {
  query(statement: PgStatement): Promise<{ rows: unknown[] }>
}

export interface PgStatement {
  /** With one, the server keeps the statement and its plan for this connection. */
  readonly name?: string
  readonly text: string
  readonly values: unknown[]
}

/** Milliseconds beside which planning, below one for the largest statement here, does not matter. */
const beyondPlanning = 20
/** Milliseconds in which PostgreSQL has looked at a table that has changed (`autovacuum_naptime`), and drops plans that are old. */
const naptime = 60_000
/** Somebody between us and the server, such as PgBouncer, has given us another connection; or the table has been altered. */
const notKept = new Set<unknown>(['26000', '42P05', '0A000'])

/**
 * The relay's statements through a pool of `pg`. A claim on an idle table is half planning, so plans are kept. But a kept plan
 * may be one for an emptier table, and read all of a full one: where a statement takes long, it is planned anew for a while.
 *
 * @param slow Milliseconds from which on a statement takes long.
 */
export function throughPg(pool: PgPool, slow = beyondPlanning): Database {
  const names = new Map<string, string>()
  let keepsFrom = 0
  /** By the text, so that no other version of this program can mean another statement by it on a shared connection. */
  const nameOf = (text: string): string => {
    const name = names.get(text) ?? `after-commit-${createHash('sha256').update(text).digest('hex').slice(0, 32)}`
    names.set(text, name)
    return name
  }
  const send = async (text: string, values: unknown[]): Promise<{ rows: unknown[] }> => {
    if (performance.now() < keepsFrom) return await pool.query({ text, values })
    try {
      return await pool.query({ name: nameOf(text), text, values })
    } catch (error) {
      if (!notKept.has((error as { readonly code?: unknown }).code)) throw error
      keepsFrom = Infinity
      return await pool.query({ text, values }) // what was refused has not begun
    }
  }
  return {
    provider: 'postgresql',
    async query(text, ...values) {
      const began = performance.now()
      const { rows } = await send(text, values)
      const now = performance.now()
      if (now - began > slow) keepsFrom = Math.max(keepsFrom, now + naptime)
      return rows as Row[]
    },
    transaction: () => Promise.reject(new Error('On PostgreSQL every step is one statement')),
  }
}
