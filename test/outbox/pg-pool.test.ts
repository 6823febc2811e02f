import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import pg from 'pg'
import { type PgStatement, throughPg } from '../../src/outbox/pg-pool.js'
import { defineTask, prismaFailureLog, type TaskContext } from '../../src/index.js'
import { forEachDatabase, type TestDatabase } from '../support/databases.js'
import { durable, messagesOf, relaying } from '../support/outbox.js'
import { sharedClient } from '../support/watched.js'
import { until } from '../support/wait.js'

/** One connection, and what was sent through it. */
function open(t: TestContext, db: TestDatabase, slow = Infinity) {
  const pool = new pg.Pool({ connectionString: db.url, max: 1 })
  t.after(() => pool.end())
  const sent: PgStatement[] = []
  const { query } = throughPg({ query: (statement) => (sent.push(statement), pool.query(statement)) }, slow)
  const kept = async () => {
    const { rows } = await pool.query<{ statement: string }>('SELECT statement FROM pg_prepared_statements')
    return rows.map(({ statement }) => statement)
  }
  return { pool, query, kept, isNamed: () => sent.map(({ name }) => name !== undefined) }
}

describe('A relay with a pool of pg', () => {
  forEachDatabase(
    (db) => {
      test('claims, retries, buries and completes by its own connections', async (t) => {
        const pool = new pg.Pool({ connectionString: db.url, max: 3 })
        pool.on('error', () => undefined)
        t.after(() => pool.end())
        const task = defineTask(
          'counts',
          (n: number, { attempt }: TaskContext) => {
            if (n === 7 || (n === 5 && attempt === 1)) throw new Error('no')
          },
          { durable: true, key: (n) => `k${n % 3}` },
        )
        const { afterCommit, outbox, relay } = await relaying(t, db, [task], {
          relay: { pool, maxAttempts: 2 },
          options: { afterDead: 'skip' },
        })
        await Promise.all(Array.from({ length: 20 }, (_, n) => afterCommit(task, n).settled))
        await until(() => relay.stats().succeeded === 19)
        await until(() => relay.stats().dead === 1)
        assert.deepEqual(
          (await outbox.dead.list()).map(({ payload, attempts }) => [payload, attempts]),
          [['7', 2]],
        )
      })

      test('its share of connections is small: it never runs more than four statements at a time', async (t) => {
        const pool = new pg.Pool({ connectionString: db.url })
        pool.on('error', () => undefined)
        t.after(() => pool.end())
        let running = 0
        let most = 0
        const counted = {
          async query(statement: PgStatement) {
            most = Math.max(most, ++running)
            return await pool.query(statement).finally(() => running--)
          },
        }
        const task = defineTask('many', (_n: number) => new Promise((resolve) => setImmediate(resolve)), {
          durable: true,
        })
        const { afterCommit, prisma, relay } = await relaying(t, db, [task], {
          relay: { pool: counted, concurrency: 50, lease: 100, retention: { after: 1 } },
        })
        await prisma.$transaction(async (tx) => {
          await tx.user.create({ data: { email: 'a', name: 'a' } })
          for (let n = 0; n < 500; n++) afterCommit(task, n)
        })
        await until(() => relay.stats().succeeded === 500)
        assert.ok(most >= 1 && most <= 4, `${most} at a time`)
      })

      test('a relay goes on when the database has ended its connections', async (t) => {
        const pool = new pg.Pool({ connectionString: db.url, max: 3, application_name: 'relay' })
        pool.on('error', () => undefined)
        t.after(() => pool.end())
        const task = defineTask('survives', () => undefined, { durable: true })
        const { afterCommit, relay } = await relaying(t, db, [task], { relay: { pool } })
        await afterCommit(task).settled
        await until(() => relay.stats().succeeded === 1)
        await db.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'relay'`)
        await afterCommit(task).settled
        await until(() => relay.stats().succeeded === 2)
      })

      describe('keeps plans', () => {
        test('of what it sends again', async (t) => {
          const { query, kept, isNamed } = open(t, db)
          for (const n of ['1', '2', '3']) assert.deepEqual(await query('SELECT $1 AS "n"', n), [{ n }])
          assert.deepEqual(await kept(), ['SELECT $1 AS "n"'])
          assert.deepEqual(isNamed(), [true, true, true])
        })

        test('but after a statement that took long plans anew: a kept one may be for an emptier table', async (t) => {
          const { query, isNamed } = open(t, db, 40)
          await query('SELECT pg_sleep(0.05)')
          await query('SELECT 1')
          assert.deepEqual(isNamed(), [true, false])
        })

        test('and does without where somebody between it and the server loses them', async (t) => {
          const { pool, query, kept, isNamed } = open(t, db)
          await query('SELECT 1 AS "one"')
          await pool.query('DEALLOCATE ALL')
          for (let n = 0; n < 2; n++) assert.deepEqual(await query('SELECT 1 AS "one"'), [{ one: 1 }])
          assert.deepEqual(isNamed(), [true, true, false, false])
          assert.deepEqual(await kept(), [])
        })

        test('and what a statement itself is refused for is the error', async (t) => {
          const { query, isNamed } = open(t, db)
          await assert.rejects(query('SELECT 1 / 0'), { code: '22012' })
          await query('SELECT 1')
          assert.deepEqual(isNamed(), [true, true])
        })
      })
    },
    { only: ['postgresql'] },
  )
})

describe('A message that could not be stored', () => {
  forEachDatabase((db) => {
    test('is a failure, and its retry stores it', async () => {
      await db.reset()
      const task = defineTask('stores', (_n: number) => undefined, { durable: true })
      const failureLog = prismaFailureLog(() => sharedClient(db))
      const { afterCommit, outbox } = durable(db, [task], { failureLog })
      const insert = outbox.insert.bind(outbox)
      outbox.insert = () => Promise.reject(new Error('gone'))
      const { id } = afterCommit(task, 1)
      await afterCommit.idle()
      outbox.insert = insert
      const again = await afterCommit.failures.retry(id)
      assert.deepEqual(await again.settled, { status: 'stored', attempts: 0 })
      assert.deepEqual(
        (await messagesOf(db)).map(({ payload }) => payload),
        ['1'],
      )
    })
  })
})
