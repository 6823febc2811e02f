import { sqlOf, type Sql } from './sql.js'
import type { PollingSettings } from './polling-source.js'

export const held = { heldId: 'bigint', heldToken: 'int' } as const
export const judged = {
  ...held,
  newStatus: 'text',
  delay: 'int',
  newAttempts: 'int',
  failed: 'int',
  error: 'text',
} as const

/** The parts of a relay's statements that are the same on every database. `m` is a message, `d` what the statement was given. */
export interface Phrases {
  readonly sql: Sql
  /** What can be claimed, in order. Parameters: the known names, the limit. */
  readonly due: string
  /** The same of those that have waited longest, on PostgreSQL: as many as can be looked at in a moment. */
  readonly dueLongest: string
  /** Messages whose lease has run out. Parameter: the known names. */
  readonly expired: string
  /** The same in order. Parameters: the known names, the limit. */
  readonly expiredInOrder: string
  /** None of its key comes before it. */
  readonly isFirst: string
  /** The assignments of a claim. Parameter: the lease. */
  readonly lock: string
  /** The columns of a `ClaimedMessage`. */
  readonly columns: (prefix: string) => string
  readonly isHeld: string
  /** The assignments of what was handled, and of a verdict. */
  readonly done: string
  readonly verdict: string
}

export function phrasesOf({ database, deadBlocks }: PollingSettings): Phrases {
  const sql = sqlOf[database.provider]
  const { now, later, oneOf, asText, asTime } = sql
  const active = ['pending', 'processing', ...(deadBlocks ? ['dead'] : [])]
  // By the ids, which are in the order of the commits of a key. That it is not done is said twice, once as the constant that an index
  // of only those asks for.
  const isFirst = `NOT EXISTS (SELECT 1 FROM "OutboxMessage" AS b
    WHERE b."key" = m."key" AND b."id" < m."id" AND b."status" <> 'done' AND b."status" ${sql.anyOf(active)})`
  const known = oneOf('m."messageType"')
  const due = (until: string): string => `WHERE m."status" = 'pending' AND m."availableAt" <= ${until} AND ${known}
    AND (m."key" IS NULL OR ${isFirst}) ORDER BY m."availableAt", m."id" LIMIT ?`
  const expired = `m."status" = 'processing' AND m."lockedUntil" <= ${now} AND ${known}`
  const release = `"lockedUntil" = NULL, "lockToken" = "lockToken" + 1`
  const names = ['messageId', 'messageType', 'key', 'payload', 'headers', 'attempts', 'availableAt']
  return {
    sql,
    due: due(now),
    // LEAST passes over NULL, which it is where fewer are waiting.
    dueLongest: due(database.provider === 'postgresql' ? `LEAST(${now}, ${thousandth})` : now),
    expired,
    expiredInOrder: `WHERE ${expired} ORDER BY m."lockedUntil", m."id" LIMIT ?`,
    isFirst,
    lock: `"status" = 'processing', "lockedUntil" = ${later('?')}, "lockToken" = "lockToken" + 1`,
    columns: (prefix) =>
      [
        `${asText(`${prefix}"id"`)} AS "id"`,
        ...names.map((name) => `${prefix}"${name}"`),
        `${asTime(`${prefix}"occurredAt"`)} AS "occurredAt"`,
        `${prefix}"lockToken" AS "token"`,
      ].join(', '),
    // The status does not have to be asked: whatever ends a claim raises the token, too. A planner that is told the status expects
    // few such rows, and then compares each of them with each that it was given.
    isHeld: `"id" = d."heldId" AND "lockToken" = d."heldToken"`,
    done: `"status" = 'done', "processedAt" = ${now}, ${release}`,
    verdict: `"status" = d."newStatus", "availableAt" = ${later('d."delay"')}, ${release},
      "attempts" = d."newAttempts", "failCount" = "failCount" + d."failed", "lastError" = COALESCE(d."error", "lastError"),
      "processedAt" = CASE WHEN d."newStatus" = 'dead' THEN ${now} END`,
  }
}

const thousandth = `(SELECT w."availableAt" FROM "OutboxMessage" AS w WHERE w."status" = 'pending'
  ORDER BY w."availableAt", w."id" OFFSET 1000 LIMIT 1)`
