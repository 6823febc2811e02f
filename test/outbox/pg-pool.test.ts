import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import pg from 'pg'
import { defineTask, prismaFailureLog, type TaskContext } from '../../src/index.js'
import { forEachDatabase } from '../support/databases.js'
import { durable, messagesOf, relaying } from '../support/outbox.js'
import { sharedClient } from '../support/watched.js'
import { until } from '../support/wait.js'

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
          async query(sql: string, params: unknown[]) {
            most = Math.max(most, ++running)
            return await pool.query(sql, params).finally(() => running--)
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
