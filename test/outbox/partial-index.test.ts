import assert from 'node:assert/strict'
import { beforeEach, describe, test, type TestContext } from 'node:test'
import pg from 'pg'
import { type Database, throughPrisma } from '../../src/outbox/database.js'
import { pollingSource } from '../../src/outbox/polling-source.js'
import { forEachDatabase, type TestDatabase } from '../support/databases.js'
import { sharedClient } from '../support/watched.js'

const name = 'OutboxMessage_key_status_id_idx'

const statusOf = (n: number) => (n > 900 ? 'pending' : 'done')
const keyOf = (n: number) => (n % 2 === 0 ? null : `k${n % 10}`)
const isBefore = (m: number, n: number) => statusOf(m) === 'pending' && keyOf(m) !== null && keyOf(m) === keyOf(n)
/** What can be claimed: the first of each key, and what has none. */
const first = Array.from({ length: 1_000 }, (_, n) => n)
  .filter((n, _, all) => statusOf(n) === 'pending' && !all.some((m) => m < n && isBefore(m, n)))
  .map((n) => `m${n}`)
  .toSorted()

/** A thousand rows, most of them done, and what a planner wants to know of them. */
async function fill(db: TestDatabase): Promise<void> {
  const at = new Date(Date.now() - 60_000)
  await sharedClient(db).outboxMessage.createMany({
    data: Array.from({ length: 1_000 }, (_, n) => ({
      messageId: `m${n}`,
      messageType: 'plain',
      key: keyOf(n),
      payload: '',
      status: statusOf(n),
      occurredAt: at,
      availableAt: at,
    })),
  })
  await db.execute('ANALYZE')
}

type Statement = readonly [sql: string, ...params: unknown[]]

/** What a source claims, and the statement that it did so with. */
async function claim(db: TestDatabase) {
  const statements: Statement[] = []
  const database = throughPrisma(sharedClient(db), db.provider)
  const recorded: Database = {
    ...database,
    query: (...statement) => {
      statements.push(statement)
      return database.query(...statement)
    },
  }
  const source = pollingSource({ database: recorded, lease: 60_000, types: ['plain'], deadBlocks: true, keep: true })
  const claimed = await source.claim(1_000)
  const statement = statements.at(-1)
  assert.ok(statement)
  return { claimed: claimed.map(({ messageId }) => messageId).toSorted(), statement }
}

/** On PostgreSQL that of a prepared statement whose values are not known: no parameter can decide for a partial index. */
async function planOf(t: TestContext, db: TestDatabase, [sql, ...params]: Statement): Promise<string> {
  if (db.provider === 'sqlite') {
    const values = params.map((value) => `'${String(value)}'`)
    const explain = `EXPLAIN QUERY PLAN ${sql.replaceAll('?', () => values.shift() ?? 'NULL')}`
    const rows = await db.query<{ detail: string }>(explain)
    return rows.map(({ detail }) => detail).join('\n')
  }
  const client = new pg.Client(db.url)
  await client.connect()
  t.after(() => client.end())
  await client.query('SET plan_cache_mode = force_generic_plan')
  await client.query(`PREPARE claim AS ${sql}`)
  const values = params.map((value) => `'${String(value)}'`).join(', ')
  const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN (COSTS OFF) EXECUTE claim(${values})`)
  return rows.map((row) => row['QUERY PLAN']).join('\n')
}

describe('The index by key', () => {
  forEachDatabase(
    (db) => {
      beforeEach(() => db.reset())

      test('has what is not done and has a key, and no more', async () => {
        const [row] = await db.query<{ sql: string }>(
          db.provider === 'sqlite'
            ? `SELECT sql FROM sqlite_master WHERE name = '${name}'`
            : `SELECT indexdef AS sql FROM pg_indexes WHERE indexname = '${name}'`,
        )
        assert.match(row?.sql ?? '', /WHERE .*"?key"? IS NOT NULL.* AND .*"?status"? <> 'done'/)
      })

      test('is what a claim looks for the first of a key in, and the index by status for what is due', async (t) => {
        await fill(db)
        const { claimed, statement } = await claim(db)
        const plan = await planOf(t, db, statement)
        assert.match(plan, new RegExp(`(Index.* using "|SEARCH b USING .*INDEX )${name}`), plan)
        assert.match(plan, /OutboxMessage_status_availableAt_id_idx/, plan)
        assert.deepEqual(claimed, first)
      })

      test('may be one of all rows: what is claimed is the same', async () => {
        await db.execute(`DROP INDEX "${name}"`)
        await db.execute(`CREATE INDEX "${name}" ON "OutboxMessage"("key", "status", "id")`)
        await fill(db)
        assert.deepEqual((await claim(db)).claimed, first)
      })
    },
    { only: ['postgresql', 'sqlite'] },
  )
})
