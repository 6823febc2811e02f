import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { forEachDatabase } from '../support/databases.js'
import { clientWithHeldCommit } from '../support/held-commit.js'
import { holdTimers } from '../support/held-timers.js'
import { lacks, maxWait } from '../support/prisma-version.js'
import { until } from '../support/wait.js'
import { insert, watched } from '../support/watched.js'

describe('Rule 2: a transaction that does not commit runs none of its tasks', () => {
  forEachDatabase((db) => {
    beforeEach(() => db.reset())

    test('a callback that throws: the caller gets the very same error, and nothing runs', async () => {
      const { prisma, both, events, outcome } = watched(db)
      const thrown = Object.freeze(new Error('no seats left'))
      const transaction = prisma.$transaction(async (tx) => {
        await both(tx, 'a')
        await both(tx, 'b')
        throw thrown
      })
      await assert.rejects(transaction, (error) => error === thrown)
      assert.deepEqual(await outcome(), { ran: [], rows: [] })
      assert.deepEqual(events, ['discarded a', 'discarded b'])
    })

    for (const value of ['a string', 0, null, undefined]) {
      test(`a callback that rejects with ${JSON.stringify(value)}: the caller gets it, and nothing runs`, async () => {
        const { prisma, both, events, outcome } = watched(db)
        const got = await prisma
          .$transaction(async (tx) => {
            await both(tx, 'a')
            throw value
          })
          .then(
            () => 'resolved',
            (error: unknown) => [error],
          )
        assert.deepEqual(got, [value])
        assert.deepEqual(await outcome(), { ran: [], rows: [] })
        assert.deepEqual(events, ['discarded a'])
      })
    }

    test('an error of Prisma leaves the transaction as the object that the callback saw', async () => {
      const { prisma, both, outcome } = watched(db)
      let seen: unknown
      const transaction = prisma.$transaction(async (tx) => {
        await both(tx, 'a')
        await insert(tx, 'a').then(undefined, (error: unknown) => {
          seen = error
          throw error
        })
      })
      await assert.rejects(transaction, (error) => error === seen)
      assert.equal((seen as { code?: string }).code, 'P2002')
      assert.deepEqual(await outcome(), { ran: [], rows: [] })
    })

    test('a transaction that times out (P2028) runs nothing, also of what is registered after the timeout', async (t) => {
      const limit = holdTimers(t, 50_000)
      const { prisma, both, task, events, outcome } = watched(db)
      const transaction = prisma.$transaction(
        async (tx) => {
          await both(tx, 'a')
          limit.expire()
          task('after the timeout')
        },
        { timeout: 50_000, maxWait: 20_000 },
      )
      await assert.rejects(transaction, { code: 'P2028' })
      assert.deepEqual(await outcome(), { ran: [], rows: [] })
      assert.deepEqual(events, ['discarded a', 'discarded after the timeout'])
    })

    test('a COMMIT that outlasts the timeout of the transaction is a COMMIT all the same', async (t) => {
      const commit = await clientWithHeldCommit(db, t)
      const { prisma, both, outcome } = watched(db, {}, commit.client)
      const limit = holdTimers(t, 50_000)
      const transaction = prisma.$transaction((tx) => both(tx, 'a'), { timeout: 50_000, maxWait: 20_000 })
      await commit.answered
      limit.expire()
      commit.release()
      await transaction
      assert.deepEqual(await outcome(), { ran: ['a'], rows: ['a'] })
    })

    test('a transaction that never gets a connection (maxWait) calls nothing, registers nothing, and disturbs nobody', async (t) => {
      if (lacks(t, maxWait)) return
      const { prisma, both, events, outcome } = watched(db, {}, db.newClient({ connections: 1 }))
      let called = false
      await prisma.$transaction(async (tx) => {
        await both(tx, 'first')
        const second = prisma.$transaction(
          async (tx2) => {
            called = true
            await both(tx2, 'second')
          },
          { maxWait: 20 },
        )
        let refused: unknown
        second.catch((error: unknown) => (refused = error))
        await until(() => refused)
        assert.equal((refused as { code?: string }).code, 'P2028')
      })
      assert.equal(called, false)
      assert.deepEqual(await outcome(), { ran: ['first'], rows: ['first'] })
      assert.deepEqual(events, ['succeeded first'])
    })
  })

  // In a database of its own: libsql leaves a transaction whose COMMIT failed open, with SQLite's write lock in its hands.
  forEachDatabase(
    (db) => {
      test('a constraint that fails only at COMMIT discards the tasks, and the caller gets the error of the driver', async () => {
        await db.execute(deferredConstraint[db.provider] ?? '')
        const { prisma, afterCommit, both, task, events, outcome } = watched(db)
        const hooks: string[] = []
        const transaction = prisma.$transaction(async (tx) => {
          await both(tx, 'a')
          afterCommit.onRollback(() => hooks.push('a'))
          await tx.$executeRawUnsafe('INSERT INTO "seat" VALUES (999), (999)')
          task('b')
        })
        const name = db.provider === 'sqlite' ? 'LibsqlError' : 'DriverAdapterError'
        await assert.rejects(transaction, { name })
        assert.deepEqual(await outcome(), { ran: [], rows: [] })
        assert.deepEqual(events, ['discarded a', 'discarded b'])
        assert.deepEqual(hooks, ['a'])
      })
    },
    { only: ['sqlite', 'postgresql'] },
  )
})

const deferredConstraint: Record<string, string> = {
  sqlite: 'CREATE TABLE "seat" ("user" INTEGER REFERENCES "User" ("id") DEFERRABLE INITIALLY DEFERRED)',
  postgresql: 'CREATE TABLE "seat" ("user" INTEGER UNIQUE DEFERRABLE INITIALLY DEFERRED)',
}
