import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { TransactionAbortedError } from '../../src/index.js'
import { forEachDatabase, type TestDatabase } from '../support/databases.js'
import { holdTimers } from '../support/held-timers.js'
import { lacks, nestedIn, savepoints } from '../support/prisma-version.js'
import { insert, sharedClient, type Tx, watched } from '../support/watched.js'

/** What an application catches and forgets: the error, for the test to compare. */
const swallow = (query: PromiseLike<unknown>): Promise<unknown> =>
  Promise.resolve(query).then(
    () => assert.fail('the query was meant to fail'),
    (error: unknown) => error,
  )

/** Queries that fail, in the ways in which an application sends one. `taken` is there already. */
const failing: Record<string, (tx: Tx) => PromiseLike<unknown>> = {
  'a model query': (tx) => insert(tx, 'taken'),
  $executeRaw: (tx) => tx.$executeRaw`INSERT INTO "User" ("email", "name") VALUES ('taken', 'a')`,
  $executeRawUnsafe: (tx) => tx.$executeRawUnsafe(`INSERT INTO "User" ("email", "name") VALUES ('taken', 'a')`),
  $queryRaw: (tx) => tx.$queryRaw`SELECT 1 FROM "nowhere"`,
  $queryRawUnsafe: (tx) => tx.$queryRawUnsafe('SELECT 1 FROM "nowhere"'),
}

const aborted = (cause: unknown) => (error: unknown) => {
  assert.equal(error instanceof TransactionAbortedError && error.code, 'ERR_TRANSACTION_ABORTED')
  assert.equal((error as Error).cause, cause)
  return true
}

const start = async (db: TestDatabase): Promise<void> => {
  await db.reset()
  await insert(sharedClient(db), 'taken')
}

describe('Rule 7: committed means committed', () => {
  forEachDatabase((db) => {
    beforeEach(() => start(db))

    if (db.name === 'postgresql') {
      for (const [name, fail] of Object.entries(failing)) {
        test(`${name} fails and its error is swallowed: PostgreSQL has aborted, so $transaction rejects and nothing runs`, async () => {
          const { prisma, afterCommit, both, events, outcome } = watched(db)
          const hooks: string[] = []
          let swallowed: unknown
          const transaction = prisma.$transaction(async (tx) => {
            await both(tx, 'a')
            afterCommit.onRollback(() => hooks.push('rolled back'))
            swallowed = await swallow(fail(tx))
            return 'fine'
          })
          await assert.rejects(transaction, (error) => aborted(swallowed)(error))
          assert.deepEqual(await outcome(), { ran: [], rows: ['taken'] })
          assert.deepEqual([events, hooks], [['discarded a'], ['rolled back']])
        })

        test(`${name} fails inside a savepoint that swallows the error: the savepoint rejects, the rest commits`, async (t) => {
          if (lacks(t, savepoints)) return
          const { prisma, both, events, outcome } = watched(db)
          await prisma.$transaction(async (tx) => {
            await both(tx, 'before')
            let swallowed: unknown
            const nested = tx.$transaction(async (inner) => {
              await both(inner, 'lost')
              swallowed = await swallow(fail(inner))
            })
            await assert.rejects(nested, (error) => aborted(swallowed)(error))
            await both(tx, 'after')
          })
          assert.deepEqual(await outcome(), { ran: ['before', 'after'], rows: ['taken', 'before', 'after'] })
          assert.deepEqual(events, ['discarded lost', 'succeeded before', 'succeeded after'])
        })
      }

      test('a task registered only after the swallowed error does not run either', async () => {
        const { prisma, task, events, outcome } = watched(db)
        let swallowed: unknown
        const transaction = prisma.$transaction(async (tx) => {
          swallowed = await swallow(insert(tx, 'taken'))
          task('a')
        })
        await assert.rejects(transaction, (error) => aborted(swallowed)(error))
        assert.deepEqual(await outcome(), { ran: [], rows: ['taken'] })
        assert.deepEqual(events, ['discarded a'])
      })

      test('onRollback alone is a registration: the transaction is verified, and it runs', async () => {
        const { prisma, afterCommit, outcome } = watched(db)
        const hooks: string[] = []
        const transaction = prisma.$transaction(async (tx) => {
          afterCommit.onRollback(() => hooks.push('rolled back'))
          await swallow(insert(tx, 'taken'))
        })
        await assert.rejects(transaction, { code: 'ERR_TRANSACTION_ABORTED' })
        assert.deepEqual(await outcome(), { ran: [], rows: ['taken'] })
        assert.deepEqual(hooks, ['rolled back'])
      })

      test('a failing query that nobody awaited aborts too', async () => {
        const { prisma, both, events, outcome } = watched(db)
        let floating: Promise<unknown> = Promise.resolve()
        const transaction = prisma.$transaction(async (tx) => {
          await both(tx, 'a')
          floating = swallow(insert(tx, 'taken'))
        })
        await assert.rejects(transaction, { code: 'ERR_TRANSACTION_ABORTED' })
        assert.equal(((await floating) as { code?: string }).code, 'P2002')
        assert.deepEqual(await outcome(), { ran: [], rows: ['taken'] })
        assert.deepEqual(events, ['discarded a'])
      })

      test('one of several queries in Promise.allSettled fails: it aborts them all', async () => {
        const { prisma, task, outcome } = watched(db)
        const transaction = prisma.$transaction(async (tx) => {
          task('a')
          await Promise.allSettled(['one', 'taken', 'two'].map((email) => insert(tx, email)))
        })
        await assert.rejects(transaction, { code: 'ERR_TRANSACTION_ABORTED' })
        assert.deepEqual(await outcome(), { ran: [], rows: ['taken'] })
      })

      test('an error that the application healed with a savepoint of its own is harmless', async () => {
        const { prisma, both, outcome } = watched(db)
        await prisma.$transaction(async (tx) => {
          await both(tx, 'a')
          await tx.$executeRaw`SAVEPOINT mine`
          await swallow(insert(tx, 'taken'))
          await tx.$executeRaw`ROLLBACK TO SAVEPOINT mine`
          await both(tx, 'b')
        })
        assert.deepEqual(await outcome(), { ran: ['a', 'b'], rows: ['taken', 'a', 'b'] })
      })

      test('a swallowed error and then a timeout: the caller gets Prisma’s own P2028', async (t) => {
        const limit = holdTimers(t, 50_000)
        const { prisma, both, events, outcome } = watched(db)
        const transaction = prisma.$transaction(
          async (tx) => {
            await both(tx, 'a')
            await swallow(insert(tx, 'taken'))
            limit.expire()
          },
          { timeout: 50_000 },
        )
        await assert.rejects(transaction, { code: 'P2028' })
        assert.deepEqual(await outcome(), { ran: [], rows: ['taken'] })
        assert.deepEqual(events, ['discarded a'])
      })

      test('a raw ROLLBACK in the callback is the one thing that is not noticed', async () => {
        const { prisma, both, outcome } = watched(db)
        await prisma.$transaction(async (tx) => {
          await both(tx, 'a')
          await tx.$executeRaw`ROLLBACK`
        })
        assert.deepEqual(await outcome(), { ran: ['a'], rows: ['taken'] })
      })
    } else {
      for (const [name, fail] of Object.entries(failing)) {
        test(`${name} fails and its error is swallowed: ${db.name} goes on, the transaction commits and its tasks run`, async () => {
          const { prisma, both, outcome } = watched(db)
          await prisma.$transaction(async (tx) => {
            await both(tx, 'a')
            await swallow(fail(tx))
            await nestedIn(tx, async (inner) => {
              await swallow(fail(inner))
              await both(inner, 'b')
            })
            await both(tx, 'c')
          })
          assert.deepEqual(await outcome(), { ran: ['a', 'b', 'c'], rows: ['taken', 'a', 'b', 'c'] })
        })
      }
    }

    for (const [name, fail] of Object.entries(failing)) {
      test(`${name} fails inside a nested transaction that is caught: harmless everywhere`, async (t) => {
        if (lacks(t, savepoints)) return
        const { prisma, both, events, outcome } = watched(db)
        await prisma.$transaction(async (tx) => {
          await both(tx, 'before')
          const nested = tx.$transaction(async (inner) => {
            await both(inner, 'lost')
            await fail(inner)
          })
          await swallow(nested)
          await both(tx, 'after')
        })
        assert.deepEqual(await outcome(), { ran: ['before', 'after'], rows: ['taken', 'before', 'after'] })
        assert.deepEqual(events, ['discarded lost', 'succeeded before', 'succeeded after'])
      })
    }

    test('a failure in a caught savepoint, inside a savepoint that is released, is harmless everywhere', async (t) => {
      if (lacks(t, savepoints)) return
      const { prisma, both, events, outcome } = watched(db)
      await prisma.$transaction(async (tx) => {
        await tx.$transaction(async (released) => {
          await both(released, 'before')
          const nested = released.$transaction(async (caught) => {
            await both(caught, 'lost')
            await insert(caught, 'taken')
          })
          await swallow(nested)
          await both(released, 'after')
        })
      })
      assert.deepEqual(await outcome(), { ran: ['before', 'after'], rows: ['taken', 'before', 'after'] })
      assert.deepEqual(events[0], 'discarded lost')
    })

    test('an error that never reached the database (nothing found, wrong arguments) aborts nothing', async () => {
      const { prisma, both, outcome } = watched(db)
      await prisma.$transaction(async (tx) => {
        await both(tx, 'a')
        await swallow(tx.user.findUniqueOrThrow({ where: { email: 'nobody' } }))
        await swallow(tx.user.create({ data: { email: 1 as unknown as string, name: 'a' } }))
        await both(tx, 'b')
      })
      assert.deepEqual(await outcome(), { ran: ['a', 'b'], rows: ['taken', 'a', 'b'] })
    })
  })
})
