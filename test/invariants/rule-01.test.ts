import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import pg from 'pg'
import { forEachDatabase } from '../support/databases.js'
import { clientWithHeldCommit } from '../support/held-commit.js'
import { lacks, savepoints } from '../support/prisma-version.js'
import { insert, watched, rowsOf } from '../support/watched.js'
import { until } from '../support/wait.js'

describe('Rule 1: a task starts only after the outermost COMMIT has been answered', () => {
  forEachDatabase((db) => {
    beforeEach(() => db.reset())

    test('a task sees the rows of its transaction from another connection', async () => {
      const { prisma, afterCommit, outcome } = watched(db)
      const seen: string[][] = []
      await prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        afterCommit(async () => void seen.push(await rowsOf(db)))
        await insert(tx, 'b')
      })
      await afterCommit.idle()
      assert.deepEqual(seen, [['a', 'b']])
      assert.deepEqual(await outcome(), { ran: [], rows: ['a', 'b'] })
    })

    test('no task starts while the callback runs', async () => {
      const { prisma, both, ran, outcome } = watched(db)
      await prisma.$transaction(async (tx) => {
        const handle = await both(tx, 'a')
        // Round trips to the database: time enough for a task that would start too early.
        for (let i = 0; i < 5; i++) assert.deepEqual(await rowsOf(db), [])
        await tx.user.count()
        assert.deepEqual([handle.state, ran], ['registered', []])
      })
      assert.deepEqual(await outcome(), { ran: ['a'], rows: ['a'] })
    })

    test('no task of a released savepoint starts before the outermost COMMIT', async (t) => {
      if (lacks(t, savepoints)) return
      const { prisma, both, ran, outcome } = watched(db)
      await prisma.$transaction(async (tx) => {
        const inner = await tx.$transaction((nested) => both(nested, 'inner'))
        for (let i = 0; i < 5; i++) assert.deepEqual(await rowsOf(db), [])
        assert.deepEqual([inner.state, ran], ['registered', []])
        await both(tx, 'outer')
      })
      assert.deepEqual(await outcome(), { ran: ['inner', 'outer'], rows: ['inner', 'outer'] })
    })

    test('no task starts before the answer of COMMIT has arrived, even where the rows are already there', async (t) => {
      const commit = await clientWithHeldCommit(db, t)
      const { prisma, both, ran, outcome } = watched(db, {}, commit.client)
      const transaction = prisma.$transaction(async (tx) => await both(tx, 'a'))
      await commit.answered
      for (let i = 0; i < 5; i++) assert.deepEqual(await rowsOf(db), ['a'])
      assert.deepEqual(ran, [])
      commit.release()
      const handle = await transaction
      assert.deepEqual(await outcome(), { ran: ['a'], rows: ['a'] })
      assert.equal(handle.state, 'succeeded')
    })

    test('tasks start on their own: the promise of $transaction does not wait for them', async () => {
      const { prisma, both, ran, outcome } = watched(db)
      await prisma.$transaction((tx) => both(tx, 'a'))
      assert.deepEqual(ran, [])
      assert.deepEqual(await outcome(), { ran: ['a'], rows: ['a'] })
    })

    if (db.name === 'postgresql') {
      test('no task starts while a deferred constraint trigger delays the COMMIT', async () => {
        // The trigger waits at COMMIT for a lock, which the test holds on a connection of its own.
        await db.execute(`
          CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_advisory_xact_lock(1); PERFORM pg_sleep(0.05); RETURN NULL; END';
          CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON "User" DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION wait_at_commit();`)
        const holder = new pg.Client({ connectionString: db.url })
        await holder.connect()
        await holder.query('SELECT pg_advisory_lock(1)')

        const { prisma, both, ran, outcome } = watched(db)
        let callbackEnded = false
        const transaction = prisma.$transaction(async (tx) => {
          const handle = await both(tx, 'a')
          callbackEnded = true
          return handle
        })
        const committing = `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`
        await until(async () => (await holder.query(committing)).rowCount)
        assert.deepEqual([callbackEnded, ran, await rowsOf(db)], [true, [], []])

        await holder.query('SELECT pg_advisory_unlock(1)')
        const handle = await transaction
        assert.equal(ran.length, 0)
        assert.equal((await handle.settled).status, 'succeeded')
        assert.deepEqual(await outcome(), { ran: ['a'], rows: ['a'] })
        await holder.end()
        await db.execute('DROP TRIGGER slow_commit ON "User"; DROP FUNCTION wait_at_commit')
      })
    }
  })
})
