import { type Provider, type RawClient, throughPrisma } from './database.js'
import { sqlOf } from './sql.js'

/** What is in the table. Nothing is counted beyond 100_000, so that asking stays cheap however many there are. */
export interface Backlog {
  /** Waiting for a relay, those that back off included. */
  readonly pending: number
  /** Claimed by a relay. */
  readonly processing: number
  readonly dead: number
  /** Milliseconds since the oldest pending message was registered, by the clock of the database; 0 where there is none. */
  readonly oldestPendingMs: number
}

const most = 100_000

interface Counted {
  readonly count: unknown
  readonly oldest: Date | string | null
  readonly now: Date | string
}

export async function backlogOf(client: RawClient, provider: Provider): Promise<Backlog> {
  const { now, finish, asText } = sqlOf[provider]
  const { query } = throughPrisma(client, provider)
  const count = async (status: string): Promise<{ count: number; age: number }> => {
    const some = `SELECT m."occurredAt" FROM "OutboxMessage" AS m WHERE m."status" = '${status}' ORDER BY m."availableAt", m."id" LIMIT ${most}`
    const sql = `SELECT ${asText('count(*)')} AS "count", min(d."occurredAt") AS "oldest", ${now} AS "now" FROM (${some}) AS d`
    const [row] = (await query(finish(sql))) as unknown as readonly [Counted]
    const age = row.oldest === null ? 0 : timeOf(row.now) - timeOf(row.oldest)
    return { count: Number(row.count), age: Math.max(0, age) }
  }
  const pending = await count('pending')
  const processing = await count('processing')
  const dead = await count('dead')
  return { pending: pending.count, processing: processing.count, dead: dead.count, oldestPendingMs: pending.age }
}

const timeOf = (time: Date | string): number => (time instanceof Date ? time.getTime() : Date.parse(time))
