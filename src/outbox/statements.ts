import type { Database, Row } from './database.js'
import { fanOutIn } from './fan-out-statements.js'
import { held, judged, type Phrases } from './phrases.js'

/** The steps of a relay, as its database takes them. The others take JSON, and answer with the ids and the tokens of what was still held. */
export interface Steps {
  readonly claim: (limit: number) => Promise<readonly Row[]>
  /** Of those that have waited longest. */
  readonly claimLongest: (limit: number) => Promise<readonly Row[]>
  readonly claimSuspect: (limit: number) => Promise<readonly Row[]>
  readonly complete: (json: string) => Promise<readonly Row[]>
  readonly fanOut: (events: string, messages: string) => Promise<readonly Row[]>
  readonly putBack: (json: string) => Promise<readonly Row[]>
  readonly renew: (json: string) => Promise<readonly Row[]>
}

export interface StepsSettings {
  readonly database: Database
  readonly phrases: Phrases
  /** JSON text of the names that are known. */
  readonly types: string
  readonly lease: number
  readonly keep: boolean
}

/** PostgreSQL and SQLite: each step is one statement. */
export function inStatements({ database, phrases, types, lease, keep }: StepsSettings): Steps {
  const { due, dueLongest, expiredInOrder, lock, columns, isHeld, done, verdict, sql } = phrases
  const { rows, later, asText, among, skipLocked, finish } = sql
  // MATERIALIZED: a subquery that is planned into the UPDATE may run again for each row, and claim more than its LIMIT.
  const claim = (which: string, more = ''): Steps['claim'] => {
    const statement = finish(`
      WITH due AS MATERIALIZED (SELECT m."id" AS "dueId" FROM "OutboxMessage" AS m ${which} ${skipLocked})
      UPDATE "OutboxMessage" SET ${lock}${more} WHERE "id" ${among('SELECT "dueId" FROM due')} RETURNING ${columns('')}`)
    return (limit) => database.query(statement, types, limit, lease)
  }
  /** @param token The one that it was held by, from the row that there is then. */
  const change = (statement: string, token: string, ...first: unknown[]): Steps['complete'] => {
    const finished = finish(`${statement} RETURNING ${asText('"id"')} AS "id", ${token} AS "token"`)
    return (json) => database.query(finished, ...first, json)
  }
  const set = (what: string, shape: typeof held | typeof judged): string =>
    `UPDATE "OutboxMessage" SET ${what} FROM ${rows(shape)} WHERE ${isHeld}`
  const remove = `DELETE FROM "OutboxMessage" WHERE ("id", "lockToken") IN (SELECT d."heldId", d."heldToken" FROM ${rows(held)})`
  const complete = keep ? set(done, held) : remove
  const completed = keep ? '"lockToken" - 1' : '"lockToken"'
  return {
    claim: claim(due),
    claimLongest: claim(dueLongest),
    claimSuspect: claim(expiredInOrder, `, "attempts" = "attempts" + 1`),
    complete: change(complete, completed),
    fanOut: fanOutIn(database, complete, completed),
    putBack: change(set(verdict, judged), '"lockToken" - 1'),
    renew: change(set(`"lockedUntil" = ${later('?')}`, held), '"lockToken"', lease),
  }
}
