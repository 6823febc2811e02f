import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import type { PrismaClient } from '../../prisma/client/sqlite/client.js'
import type { TaskHandle } from '../../src/index.js'
import { forEachDatabase } from '../support/databases.js'
import { clientWithHeldCommit } from '../support/held-commit.js'
import { holdTimers } from '../support/held-timers.js'
import { lacks, savepoints } from '../support/prisma-version.js'
import { insert, sharedClient, watched } from '../support/watched.js'
import { deferred } from '../support/wait.js'

/** Work that nobody awaits: `work` runs in the context in which `start` was called, when `go` is called. */
function unawaited<T>() {
  const gate = deferred()
  let done: Promise<T> | undefined
  return {
    start: (work: () => T): void => void (done = gate.promise.then(work)),
    async go(): Promise<T> {
      gate.resolve()
      return (await done) as T
    },
  }
}

describe('Rule 9: what registers after the callback follows the outcome', () => {
  forEachDatabase((db) => {
    beforeEach(() => db.reset())

    test('between the end of the callback and the answer of COMMIT: held until the answer, then run', async (t) => {
      const commit = await clientWithHeldCommit(db, t)
      const { prisma, both, task, ran, outcome } = watched(db, { outsideTransaction: 'throw' }, commit.client)
      const late = unawaited<TaskHandle>()
      const transaction = prisma.$transaction(async (tx) => {
        await both(tx, 'a')
        late.start(() => task('late'))
      })
      await commit.answered
      const handle = await late.go()
      assert.deepEqual([handle.state, ran], ['registered', []])
      commit.release()
      await transaction
      assert.deepEqual(await outcome(), { ran: ['a', 'late'], rows: ['a'] })
    })

    test('after the commit: accepted at once, whatever the policy for registrations outside a transaction', async () => {
      for (const outsideTransaction of ['throw', 'discard'] as const) {
        await db.reset()
        const { prisma, both, task, log, outcome } = watched(db, { outsideTransaction })
        const late = unawaited<TaskHandle>()
        await prisma.$transaction(async (tx) => {
          await both(tx, 'a')
          late.start(() => task('late'))
        })
        const handle = await late.go()
        assert.equal((await handle.settled).status, 'succeeded')
        assert.deepEqual(await outcome(), { ran: ['a', 'late'], rows: ['a'] })
        assert.deepEqual(log.at('warn'), [])
      }
    })

    test('after the commit into a full pool: rejected, never thrown', async () => {
      for (const overflow of ['record', 'refuse'] as const) {
        await db.reset()
        const { prisma, afterCommit, task, events } = watched(db, { overflow, maxPending: 1 })
        const late = unawaited<TaskHandle>()
        const end = deferred()
        await prisma.$transaction(async (tx) => {
          await insert(tx, 'a')
          afterCommit('first', () => end.promise)
          late.start(() => task('late'))
        })
        const handle = await late.go()
        assert.equal((await handle.settled).status, 'rejected')
        end.resolve()
        await afterCommit.idle()
        assert.deepEqual(events, ['rejected late', 'succeeded first'])
        assert.deepEqual(await db.query('SELECT "email" FROM "User"'), [{ email: 'a' }])
      }
    })

    test('after a rollback: discarded, with one warning that names it, and nothing thrown', async () => {
      const { prisma, both, task, log, events, outcome } = watched(db, { outsideTransaction: 'throw' })
      const late = unawaited<TaskHandle>()
      const transaction = prisma.$transaction(async (tx) => {
        await both(tx, 'a')
        late.start(() => task('late'))
        throw new Error('no')
      })
      await assert.rejects(transaction, /no/)
      assert.deepEqual(log.at('warn'), [])
      const handle = await late.go()
      assert.equal((await handle.settled).status, 'discarded')
      assert.deepEqual(await outcome(), { ran: [], rows: [] })
      assert.deepEqual(events, ['discarded a', 'discarded late'])
      const [warning, ...more] = log.at('warn')
      assert.match(warning?.message ?? '', /`late`/)
      assert.deepEqual([warning?.fields['task'], warning?.fields['taskId'], more], ['late', handle.id, []])
    })

    test('after a timeout (P2028): discarded, with one warning', async (t) => {
      const limit = holdTimers(t, 50_000)
      const { prisma, both, task, log, events, outcome } = watched(db)
      const late = unawaited<TaskHandle>()
      const transaction = prisma.$transaction(
        async (tx) => {
          await both(tx, 'a')
          late.start(() => task('late'))
          limit.expire()
        },
        { timeout: 50_000, maxWait: 20_000 },
      )
      await assert.rejects(transaction, { code: 'P2028' })
      await late.go()
      assert.deepEqual(await outcome(), { ran: [], rows: [] })
      assert.deepEqual(events, ['discarded a', 'discarded late'])
      assert.deepEqual(
        log.at('warn').map(({ fields }) => fields['task']),
        ['late'],
      )
    })

    test('from a savepoint that has rolled back: discarded, while the transaction goes on and after its commit', async (t) => {
      if (lacks(t, savepoints)) return
      const { prisma, both, task, log, events, outcome } = watched(db)
      const [early, late] = [unawaited<TaskHandle>(), unawaited<TaskHandle>()]
      await prisma.$transaction(async (tx) => {
        const nested = tx.$transaction((): Promise<void> => {
          early.start(() => task('early'))
          late.start(() => task('late'))
          return Promise.reject(new Error('no'))
        })
        await assert.rejects(nested, /no/)
        assert.equal((await early.go()).state, 'discarded')
        await both(tx, 'a')
      })
      assert.equal((await late.go()).state, 'discarded')
      assert.deepEqual(await outcome(), { ran: ['a'], rows: ['a'] })
      assert.deepEqual(
        log.at('warn').map(({ fields }) => fields['task']),
        ['early', 'late'],
      )
      assert.deepEqual(events.toSorted(), ['discarded early', 'discarded late', 'succeeded a'])
    })

    test('from a savepoint that was released, while the transaction goes on: it belongs to the parent', async (t) => {
      if (lacks(t, savepoints)) return
      const { prisma, both, task, events, outcome } = watched(db)
      const [early, late] = [unawaited<TaskHandle>(), unawaited<TaskHandle>()]
      const transaction = prisma.$transaction(async (tx) => {
        await tx.$transaction(async (inner) => {
          await both(inner, 'a')
          early.start(() => task('early'))
          late.start(() => task('late'))
        })
        assert.equal((await early.go()).state, 'registered')
        throw new Error('no')
      })
      await assert.rejects(transaction, /no/)
      assert.equal((await late.go()).state, 'discarded')
      assert.deepEqual(await outcome(), { ran: [], rows: [] })
      assert.deepEqual(events, ['discarded a', 'discarded early', 'discarded late'])
    })

    test('after a commit in which a query had found nothing and that was all that failed: accepted', async () => {
      const { prisma, task, outcome } = watched(db)
      const late = unawaited<TaskHandle>()
      await prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        await tx.user.findUniqueOrThrow({ where: { email: 'nobody' } }).catch(() => {})
        late.start(() => task('late'))
      })
      await late.go()
      assert.deepEqual(await outcome(), { ran: ['late'], rows: ['a'] })
    })

    test('after a swallowed error in a transaction that had registered nothing: it runs only where the rows are', async () => {
      const { prisma, task, outcome } = watched(db)
      const late = unawaited<TaskHandle>()
      await prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        await insert(tx, 'a').then(undefined, () => {})
        late.start(() => task('late'))
      })
      await late.go()
      // PostgreSQL has rolled back, and Prisma has resolved all the same: see rule 7.
      const kept = db.name === 'postgresql' ? [] : ['a']
      assert.deepEqual(await outcome(), { ran: kept.map(() => 'late'), rows: kept })
    })

    test('after the commit of a client whose $transaction an extension has replaced: unknown, nobody saw its queries', async () => {
      const shared = sharedClient(db)
      const $transaction = (callback: (tx: object) => Promise<unknown>): Promise<unknown> =>
        shared.$transaction(callback)
      const replaced = shared.$extends({ client: { $transaction } }) as unknown as PrismaClient
      const { prisma, task, outcome } = watched(db, {}, replaced)
      const late = unawaited<TaskHandle>()
      await prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        late.start(() => task('late'))
      })
      await late.go()
      assert.deepEqual(await outcome(), { ran: [], rows: ['a'] })
    })

    if (db.name === 'postgresql') {
      test('before the answer of a COMMIT that is then refused: discarded', async (t) => {
        await db.execute('CREATE TABLE "seat" ("user" INTEGER UNIQUE DEFERRABLE INITIALLY DEFERRED)')
        const commit = await clientWithHeldCommit(db, t)
        const { prisma, both, task, events, outcome } = watched(db, {}, commit.client)
        const late = unawaited<TaskHandle>()
        const transaction = prisma.$transaction(async (tx) => {
          await both(tx, 'a')
          await tx.$executeRaw`INSERT INTO "seat" VALUES (1), (1)`
          late.start(() => task('late'))
        })
        transaction.catch(() => {})
        await commit.answered
        assert.equal((await late.go()).state, 'registered')
        commit.release()
        await assert.rejects(transaction, { name: 'DriverAdapterError' })
        assert.deepEqual(await outcome(), { ran: [], rows: [] })
        assert.deepEqual(events, ['discarded a', 'discarded late'])
      })
    }
  })
})
