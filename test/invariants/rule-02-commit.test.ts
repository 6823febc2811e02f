import assert from 'node:assert/strict'
import { beforeEach, describe, test, type TestContext } from 'node:test'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { connectTo } from '../support/connection.js'
import { forEachDatabase, type TestDatabase } from '../support/databases.js'
import { newClientWith } from '../support/held-commit.js'
import { holdTimers } from '../support/held-timers.js'
import { proxyTo } from '../support/proxy.js'
import { rowsOf, watched } from '../support/watched.js'
import { until } from '../support/wait.js'

/** The connections of PostgreSQL whose COMMIT waits. */
const committing = `FROM pg_stat_activity WHERE query = 'COMMIT' AND wait_event_type = 'Lock' AND datname = current_database()`

/** A transaction with a task and a hook, and what became of them. */
function transactionOf({ prisma, afterCommit, both }: ReturnType<typeof watched>, atTheEnd = (): void => {}) {
  const hooks: string[] = []
  const transaction = prisma.$transaction(async (tx) => {
    await both(tx, 'a')
    afterCommit.onRollback(() => hooks.push('rolled back'))
    atTheEnd()
  })
  transaction.catch(() => {})
  return { transaction, hooks }
}

/** Every COMMIT of a new user waits until the function returned is called. */
async function commitWaits(db: TestDatabase, t: TestContext): Promise<() => Promise<unknown>> {
  await db.execute(`
    CREATE OR REPLACE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END';
    CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON "User" DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION wait_at_commit()`)
  const holder = new pg.Client({ connectionString: db.url })
  await holder.connect()
  await holder.query('SELECT pg_advisory_lock(1)')
  t.after(async () => {
    await holder.end()
    await db.execute('DROP TRIGGER slow_commit ON "User"')
  })
  return () => holder.query('SELECT pg_advisory_unlock(1)')
}

describe('Rule 2: a COMMIT that gets no answer is unknown, and one that the server cancels has rolled back', () => {
  forEachDatabase(
    (db) => {
      beforeEach(() => db.reset())

      for (const how of ['end', 'reset'] as const) {
        test(`its answer is lost with the connection (${how}): unknown, whatever the error of the driver`, async (t) => {
          const proxy = await proxyTo(db.url, t)
          const all = watched(db, {}, await connectTo(db, proxy.url, t))
          const { transaction, hooks } = transactionOf(all, () => proxy.cutAt('COMMIT', how))
          await assert.rejects(transaction)
          assert.deepEqual(await all.outcome(), { ran: [], rows: ['a'] })
          assert.deepEqual([all.events, hooks], [['unknown a'], []])
        })
      }

      if (db.name === 'postgresql') {
        test('the driver gives up waiting for its answer (query_timeout): unknown, and the row may come later', async (t) => {
          const commit = await commitWaits(db, t)
          const limit = holdTimers(t, 50_000)
          const adapter = new PrismaPg({ connectionString: db.url, query_timeout: 50_000 })
          const all = watched(db, {}, await newClientWith(db, adapter, t))
          const { transaction, hooks } = transactionOf(all)
          await until(async () => (await db.query(`SELECT pid ${committing}`)).length)
          limit.expire()
          await assert.rejects(transaction, /timeout/)
          assert.deepEqual(await all.outcome(), { ran: [], rows: [] })
          assert.deepEqual([all.events, hooks], [['unknown a'], []])
          await commit()
          await until(async () => (await rowsOf(db)).length)
          assert.deepEqual([await rowsOf(db), all.ran, hooks], [['a'], [], []])
        })

        test('the server cancels it (statement_timeout, pg_cancel_backend): it has rolled back', async (t) => {
          await commitWaits(db, t)
          const all = watched(db)
          const { transaction, hooks } = transactionOf(all)
          await until(async () => (await db.query(`SELECT pg_cancel_backend(pid) ${committing}`)).length)
          await assert.rejects(transaction, { name: 'DriverAdapterError' })
          assert.deepEqual(await all.outcome(), { ran: [], rows: [] })
          assert.deepEqual([all.events, hooks], [['discarded a'], ['rolled back']])
        })
      }
    },
    { only: ['postgresql', 'mariadb'] },
  )
})
