import type { Database, Row } from './database.js'
import { sqlOf } from './sql.js'

/**
 * What becomes of a message that was handled. `'delete'`: the row goes when its handling is written. `'keep'`: it stays, `done`.
 * `after`: it stays for so many milliseconds; then it goes to `archive`, if there is one, and is deleted once that has resolved.
 */
export type Retention =
  | 'delete'
  | 'keep'
  | { readonly after: number; readonly archive?: (messages: readonly ArchivedMessage[]) => Promise<unknown> }

export interface ArchivedMessage {
  readonly id: string
  readonly messageId: string
  readonly messageType: string
  readonly key: string | null
  readonly payload: string
  readonly headers: string | null
  readonly occurredAt: Date | string
  readonly processedAt: Date | string
}

const step = 500

interface Housekeeping {
  /** Deletes what has been kept long enough, one small step. @returns Whether there may be more. */
  readonly purge: () => Promise<boolean>
  /** Messages that wait too long for a relay that knows their task are dead. @returns How many. */
  readonly giveUpUnknown: (grace: number, types: readonly string[]) => Promise<number>
}

export interface HousekeepingSettings {
  readonly database: Database
  readonly retention: Retention
  readonly unknownTaskGrace: number
  readonly types: readonly string[]
  readonly isOver: () => boolean
  readonly onDead: (count: number) => void
  readonly onError: (error: unknown) => void
}

/** Now and then, and in small steps. */
export function keepHouse(settings: HousekeepingSettings): NodeJS.Timeout {
  const { database, retention, unknownTaskGrace, types, isOver, onDead, onError } = settings
  const { purge, giveUpUnknown } = housekeeping(database, retention)
  let busy = false
  const run = async (): Promise<void> => {
    if (busy || isOver()) return
    busy = true
    try {
      while (!isOver() && (await purge())) await new Promise((resolve) => setImmediate(resolve))
      onDead(await giveUpUnknown(unknownTaskGrace, types))
    } catch (error) {
      onError(error)
    }
    busy = false
  }
  const kept = typeof retention === 'object' ? retention.after : Infinity
  return setInterval(() => void run(), Math.min(60_000, Math.max(50, Math.min(kept, unknownTaskGrace) / 2)))
}

function housekeeping(database: Database, retention: Retention): Housekeeping {
  const { now, later, rows, oneOf, asText, asTime, id, finish } = sqlOf[database.provider]
  const names = ['messageId', 'messageType', 'key', 'payload', 'headers']
  const times = ['occurredAt', 'processedAt'].map((name) => `${asTime(`m."${name}"`)} AS "${name}"`)
  const columns = [`${asText('m."id"')} AS "id"`, ...names.map((name) => `m."${name}"`), ...times].join(', ')
  // In the order of `availableAt`, which is the one that an index has and hardly another than that of `processedAt`.
  const select =
    finish(`SELECT ${columns} FROM "OutboxMessage" AS m WHERE m."status" = 'done' AND m."processedAt" <= ${later('?')}
    ORDER BY m."availableAt", m."id" LIMIT ${step}`)
  const remove = finish(`DELETE FROM "OutboxMessage" WHERE "id" = ${id} AND "status" = 'done'`)
  const removeAll =
    finish(`DELETE FROM "OutboxMessage" WHERE "id" IN (SELECT d."heldId" FROM ${rows({ heldId: 'bigint' })})
    AND "status" = 'done'`)
  const stale = finish(`SELECT ${asText('m."id"')} AS "id" FROM "OutboxMessage" AS m WHERE m."status" = 'pending'
    AND m."availableAt" <= ${later('?')} AND NOT (${oneOf('m."messageType"')}) ORDER BY m."availableAt", m."id" LIMIT ${step}`)
  const bury = finish(`UPDATE "OutboxMessage" SET "status" = 'dead', "processedAt" = ${now},
    "lastError" = 'No relay knows a task of this name' WHERE "id" = ${id} AND "status" = 'pending'`)

  async function deleteAll(found: readonly Row[]): Promise<void> {
    // MariaDB takes no index for such a subquery in a DELETE.
    if (database.provider === 'mysql') for (const row of found) await database.query(remove, row['id'])
    else await database.query(removeAll, JSON.stringify(found.map((row) => ({ heldId: row['id'] }))))
  }

  return {
    purge: async () => {
      if (typeof retention !== 'object') return false
      const found = await database.query(select, -retention.after)
      if (found.length === 0) return false
      await retention.archive?.(found as unknown as readonly ArchivedMessage[])
      await deleteAll(found)
      return found.length === step
    },
    giveUpUnknown: async (grace, types) => {
      const found = await database.query(stale, -grace, JSON.stringify(types))
      for (const row of found) await database.query(bury, row['id'])
      return found.length
    },
  }
}
