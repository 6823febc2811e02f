import type { PgStatement } from 'after-commit/outbox'
import { type Figures, once, quantile } from '../benchmark.js'
import { afterCommitOutbox } from './after-commit.js'
import type { Connections } from './job-system.js'
import { lost, until } from './until.js'

export const done = once ? 2_000 : 1_000_000
export const claimed = 'p95 of a claim'
export const claimedKeys = 'p95 of a claim, 100 keys'
export const beside = ` beside ${done.toLocaleString('en')} done rows`

const messages = once ? 200 : 5_000

/** Milliseconds of the statement that claims up to 100 messages, in a table that keeps what is done. */
export async function claim(connections: Connections): Promise<Figures> {
  const { pool } = connections
  const figures: Record<string, number> = {}
  for (const rows of [0, done]) {
    for (const keyed of [false, true]) {
      await pool.query('TRUNCATE "OutboxMessage"')
      await pool.query(insert, [rows])
      await pool.query('VACUUM ANALYZE "OutboxMessage"')
      figures[(keyed ? claimedKeys : claimed) + (rows > 0 ? beside : '')] = await timed(connections, keyed)
    }
  }
  return figures
}

const insert = `
  INSERT INTO "OutboxMessage" ("messageId", "messageType", "key", "payload", "status", "occurredAt", "availableAt", "processedAt")
  SELECT gen_random_uuid(), 'bench', 'user:' || n % 100, '{"n":1,"userId":1,"amount":10}', 'done', at, at, at
  FROM generate_series(1, $1) AS n, LATERAL (SELECT now() - (n || ' milliseconds')::interval AS at) AS time`

async function timed(connections: Connections, keyed: boolean): Promise<number> {
  const { pool } = connections
  const times: number[] = []
  const timing = {
    async query(statement: PgStatement) {
      const start = performance.now()
      const answer = await pool.query<object>(statement)
      if (statement.text.includes('SKIP LOCKED') && answer.rows.length > 0) times.push(performance.now() - start)
      return answer
    },
  }
  const system = await afterCommitOutbox(connections, { retention: 'keep', pool: timing }, keyed)
  await system.fill(0, messages)
  const handled = new Set<number>()
  await system.work((n) => void handled.add(n))
  if (!(await until(async () => handled.size === messages && (await system.left()) === 0))) lost('Not all were handled')
  await system.close()
  return quantile(times, 0.95)
}
