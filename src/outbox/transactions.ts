import type { Row } from './database.js'
import { fanned } from './fan-out-statements.js'
import { bucketLocks, insertFrom } from './insert.js'
import { held, judged } from './phrases.js'
import { sqlOf } from './sql.js'
import type { Steps, StepsSettings } from './statements.js'

const ids = { heldId: 'bigint' } as const
const idsOf = (found: readonly Row[]): string => JSON.stringify(found.map(({ id }) => ({ heldId: id })))

/** By the primary key always: a plan that reads a small table from end to end waits for the rows of open transactions. */
const byId = 'STRAIGHT_JOIN "OutboxMessage" AS m FORCE INDEX (PRIMARY) ON m."id" = d."heldId"'

/** Of events that are still held, whose rows are locked: their messages' `occurredAt` is theirs. */
const insertFanned = sqlOf.mysql.finish(
  `${insertFrom('mysql', 'm."occurredAt"')} ${sqlOf.mysql.rows(fanned)} ${byId}
    WHERE m."lockToken" = d."heldToken" AND m."status" = 'processing' ORDER BY d."place"`,
)

/** MySQL and MariaDB answer no UPDATE with rows: the rows are locked and read first, in a transaction. */
export function inTransactions({ database, phrases, types, lease, keep }: StepsSettings): Steps {
  const { due, expiredInOrder, isFirst, lock, columns, done, verdict, sql } = phrases
  const { rows, later, asText, skipLocked, finish } = sql
  const isFirstOf = finish(
    `SELECT ${asText('m."id"')} AS "id" FROM ${rows(ids)} ${byId} WHERE m."key" IS NULL OR ${isFirst}`,
  )
  const claim = (which: string, started: 0 | 1): Steps['claim'] => {
    const select = finish(`SELECT ${columns('m.')} FROM "OutboxMessage" AS m ${which} ${skipLocked}`)
    const update = finish(`UPDATE ${rows(ids)} ${byId} SET ${lock}, "attempts" = "attempts" + ${started}`)
    return (limit) =>
      database.transaction(async (query, execute) => {
        let found = await query(select, types, limit)
        // The row that is locked may be newer than what the subquery beside it has seen. The next statement sees all.
        if (found.some(({ key }) => key !== null)) {
          const first = new Set((await query(isFirstOf, idsOf(found))).map(({ id }) => id))
          found = found.filter(({ id }) => first.has(id))
        }
        if (found.length === 0) return []
        await execute(update, idsOf(found), lease)
        return found.map((row) =>
          Object.assign(row, { token: Number(row['token']) + 1, attempts: Number(row['attempts']) + started }),
        )
      })
  }
  const join = (shape: typeof held | typeof judged): string =>
    `${rows(shape)} ${byId} AND m."lockToken" = d."heldToken"`
  const select = finish(`SELECT ${asText('m."id"')} AS "id", m."lockToken" AS "token" FROM ${join(held)} FOR UPDATE`)
  const change = (statement: string, ...last: unknown[]): Steps['complete'] => {
    const finished = finish(statement)
    return (json) =>
      database.transaction(async (query, execute) => {
        const found = await query(select, json)
        if (found.length > 0) await execute(finished, json, ...last)
        return found
      })
  }
  const complete = keep ? `UPDATE ${join(held)} SET ${done}` : `DELETE m FROM ${join(held)}`
  return {
    claim: claim(due, 0),
    claimLongest: claim(due, 0),
    claimSuspect: claim(expiredInOrder, 1),
    fanOut: (events, messages) =>
      database.transaction(async (query, execute) => {
        await execute(bucketLocks, messages)
        const found = await query(select, events)
        if (found.length > 0) {
          await execute(insertFanned, messages)
          await execute(finish(complete), events)
        }
        return found
      }),
    complete: change(complete),
    putBack: change(`UPDATE ${join(judged)} SET ${verdict}`),
    renew: change(`UPDATE ${join(held)} SET m."lockedUntil" = ${later('?')}`, lease),
  }
}
