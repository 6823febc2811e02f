import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { defineTask, prismaFailureLog } from '../../src/index.js'
import { connectTo, kill } from '../support/connection.js'
import { forEachDatabase } from '../support/databases.js'
import { lacks, savepoints } from '../support/prisma-version.js'
import { proxyTo } from '../support/proxy.js'
import { insert, watched, sharedClient } from '../support/watched.js'
import { deferred, until } from '../support/wait.js'

describe('Rule 2: a lost connection leaves the outcome of COMMIT unknown', () => {
  forEachDatabase(
    (db) => {
      beforeEach(() => db.reset())

      test('the answer of COMMIT is lost: the row is there, and yet neither the task nor onRollback runs', async (t) => {
        const proxy = await proxyTo(db.url, t)
        const client = await connectTo(db, proxy.url, t)
        const failureLog = prismaFailureLog(() => sharedClient(db))
        const { prisma, afterCommit, both, ran, events, log, outcome } = watched(db, { failureLog }, client)
        const points = defineTask('points', (p: { amount: number }) => void ran.push(`points ${p.amount}`))
        const hooks: string[] = []
        const handles = deferred<ReturnType<typeof afterCommit>[]>()
        const transaction = prisma.$transaction(async (tx) => {
          const closure = await both(tx, 'closure')
          handles.resolve([closure, afterCommit(points, { amount: 10 })])
          afterCommit.onRollback(() => hooks.push('rolled back'))
          proxy.cutAt('COMMIT')
        })
        const error: unknown = await transaction.then(
          () => assert.fail('the connection is lost'),
          (reason: unknown) => reason,
        )
        assert.deepEqual(await outcome(), { ran: [], rows: ['closure'] })
        assert.deepEqual(events, ['unknown closure', 'unknown points'])
        assert.deepEqual(hooks, [])
        for (const handle of await handles.promise) {
          assert.deepEqual([handle.state, await handle.settled], ['unknown', { status: 'unknown', attempts: 0, error }])
        }
        // A person decides: the row says what to run, with which payload. A closure cannot be run again, so it has none.
        const failures = await db.query('SELECT "task", "payload", "status", "attempts" FROM "TaskFailure"')
        assert.deepEqual(failures, [{ task: 'points', payload: '{"amount":10}', status: 'unknown', attempts: 0 }])
        const told = log.at('error').filter(({ message }) => message.includes('nobody knows'))
        assert.deepEqual(
          told.map(({ fields }) => fields['task']),
          ['closure', 'points'],
        )
      })

      test('the answer of COMMIT is lost after a savepoint that was released and one that was not: nobody knows either', async (t) => {
        if (lacks(t, savepoints)) return
        const proxy = await proxyTo(db.url, t)
        const { prisma, both, events, outcome } = watched(db, {}, await connectTo(db, proxy.url, t))
        const transaction = prisma.$transaction(async (tx) => {
          await tx.$transaction(async (inner) => await both(inner, 'released'))
          const failing = tx.$transaction(async (inner) => {
            await both(inner, 'rolled back')
            throw new Error('on purpose')
          })
          await assert.rejects(failing, /on purpose/)
          proxy.cutAt('COMMIT')
        })
        await assert.rejects(transaction)
        assert.deepEqual(await outcome(), { ran: [], rows: ['released'] })
        assert.deepEqual(events, ['discarded rolled back', 'unknown released'])
      })

      test('a connection that is killed while the callback still queries has rolled back', async () => {
        const { prisma, afterCommit, both, events, outcome } = watched(db)
        const hooks: string[] = []
        const transaction = prisma.$transaction(async (tx) => {
          await both(tx, 'a')
          afterCommit.onRollback(() => hooks.push('rolled back'))
          await kill(db, tx)
          await insert(tx, 'b')
        })
        await assert.rejects(transaction)
        assert.deepEqual(await outcome(), { ran: [], rows: [] })
        assert.deepEqual([events, hooks], [['discarded a'], ['rolled back']])
      })

      test('the answer of RELEASE is lost: no COMMIT can follow, so everything has rolled back', async (t) => {
        if (lacks(t, savepoints)) return
        const proxy = await proxyTo(db.url, t)
        const { prisma, afterCommit, both, events, outcome } = watched(db, {}, await connectTo(db, proxy.url, t))
        const hooks: string[] = []
        const transaction = prisma.$transaction(async (tx) => {
          await both(tx, 'outer')
          const nested = tx.$transaction(async (inner) => {
            await both(inner, 'nested')
            afterCommit.onRollback(() => hooks.push('nested'))
            proxy.cutAt('RELEASE')
          })
          await nested.catch(() => {})
        })
        await assert.rejects(transaction)
        assert.deepEqual(await outcome(), { ran: [], rows: [] })
        assert.deepEqual(events[0], 'discarded nested')
        assert.deepEqual(hooks, ['nested'])
      })

      test('a connection that was lost before COMMIT could be sent has rolled back', async (t) => {
        const lost = deferred()
        const client = await connectTo(db, db.url, t, () => lost.resolve())
        const { prisma, afterCommit, both, events, outcome } = watched(db, {}, client)
        const hooks: string[] = []
        const transaction = prisma.$transaction(async (tx) => {
          await both(tx, 'a')
          afterCommit.onRollback(() => hooks.push('rolled back'))
          await kill(db, tx)
          await lost.promise
        })
        await assert.rejects(transaction)
        assert.deepEqual(await outcome(), { ran: [], rows: [] })
        assert.deepEqual([events, hooks], [['discarded a'], ['rolled back']])
      })

      if (db.name === 'postgresql') {
        test('the server ends the connection while COMMIT is under way: nobody knows, so nothing runs', async () => {
          await db.execute(`
          CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_sleep(60); RETURN NULL; END';
          CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON "User" DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION wait_at_commit()`)
          const { prisma, afterCommit, both, events, outcome } = watched(db)
          const hooks: string[] = []
          const transaction = prisma.$transaction(async (tx) => {
            await both(tx, 'a')
            afterCommit.onRollback(() => hooks.push('rolled back'))
          })
          const committing = `FROM pg_stat_activity WHERE query = 'COMMIT' AND wait_event = 'PgSleep' AND datname = current_database()`
          const ended = until(async () => (await db.query(`SELECT pg_terminate_backend(pid) ${committing}`)).length)
          await assert.rejects(transaction, /terminating connection/)
          await ended
          assert.deepEqual(await outcome(), { ran: [], rows: [] })
          assert.deepEqual([events, hooks], [['unknown a'], []])
        })
      }
    },
    { only: ['postgresql', 'mariadb'] },
  )
})
