import type { Database, Query, Row } from './database.js'
import { columns, insertFrom, keyLocks, locked } from './insert.js'
import { held } from './phrases.js'
import { sqlOf } from './sql.js'

/** A subscriber's message, the event's that it comes from, and its place among all that are stored with it. */
export const fanned = { ...held, ...columns, place: 'int' } as const

/**
 * PostgreSQL and SQLite.
 *
 * @param complete The statement that completes what is held, up to its RETURNING.
 * @param heldToken The token that a row had before that, as an expression of its RETURNING.
 */
export function fanOutIn(
  database: Database,
  complete: string,
  heldToken: string,
): (events: string, messages: string) => Promise<readonly Row[]> {
  const { rows, asText, finish } = sqlOf[database.provider]
  const insert = insertFrom(database.provider, 'm."occurredAt"')
  const own = `"OutboxMessage" AS m ON m."id" = d."heldId"`
  if (database.provider === 'postgresql') {
    // All parts see the event's row as it was before the first one completed it.
    const statement = finish(`
      WITH completed AS (${complete} RETURNING "id", ${heldToken} AS "token"),
      d AS MATERIALIZED (
        SELECT * FROM ${rows(fanned)} WHERE (d."heldId", d."heldToken") IN (SELECT "id", "token" FROM completed)
      ), ${keyLocks},
      stored AS (${insert} d JOIN ${own} WHERE ${locked} ORDER BY d."place")
      SELECT ${asText('"id"')} AS "id", "token" FROM completed`)
    return (events, messages) => database.query(statement, events, messages)
  }
  // A writer from its first statement on, so that nobody else comes between the two.
  const isHeld = `m."lockToken" = d."heldToken" AND m."status" = 'processing'`
  const store = finish(`${insert} ${rows(fanned)} JOIN ${own} WHERE ${isHeld} ORDER BY d."place"`)
  const finished = finish(`${complete} RETURNING ${asText('"id"')} AS "id", ${heldToken} AS "token"`)
  return (events, messages) =>
    database.transaction(async (query: Query, execute: Query) => {
      await execute(store, messages)
      return await query(finished, events)
    })
}
