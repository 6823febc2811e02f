import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { conflictAtQuery, rowsToFightFor } from '../support/conflicts.js'
import { forEachDatabase } from '../support/databases.js'
import { lacks, savepoints } from '../support/prisma-version.js'
import { insert, rowsOf, sharedClient, watched } from '../support/watched.js'

describe('Rule 7: a transaction that the database ended by itself has not committed', () => {
  forEachDatabase(
    (db) => {
      beforeEach(async () => {
        await db.reset()
        await rowsToFightFor(sharedClient(db))
      })

      test('a swallowed deadlock (1213) has rolled back everything, so $transaction rejects and nothing runs', async () => {
        const { prisma, afterCommit, both, events, outcome } = watched(db)
        const hooks: string[] = []
        let swallowed: unknown
        const transaction = prisma.$transaction(async (tx) => {
          await both(tx, 'a')
          afterCommit.onRollback(() => hooks.push('rolled back'))
          await conflictAtQuery(db, sharedClient(db), tx).catch((error: unknown) => (swallowed = error))
        })
        await assert.rejects(transaction, (error: { code?: string; cause?: unknown }) => {
          assert.equal(error.code, 'ERR_TRANSACTION_ABORTED')
          return error.cause === swallowed
        })
        assert.deepEqual(await outcome(), { ran: [], rows: ['seat', 'chair'] })
        assert.deepEqual([events, hooks], [['discarded a'], ['rolled back']])
      })

      test('a deadlock inside a nested transaction that is caught has rolled back the outer one too', async (t) => {
        if (lacks(t, savepoints)) return
        const { prisma, both, events, outcome } = watched(db)
        const transaction = prisma.$transaction(async (tx) => {
          await both(tx, 'outer')
          const nested = tx.$transaction(async (inner) => {
            await both(inner, 'inner')
            await conflictAtQuery(db, sharedClient(db), inner)
          })
          await assert.rejects(nested, { code: 'P2034' })
        })
        await assert.rejects(transaction)
        assert.deepEqual(await outcome(), { ran: [], rows: ['seat', 'chair'] })
        assert.deepEqual(events, ['discarded inner', 'discarded outer'])
      })
    },
    { only: ['mariadb'] },
  )

  forEachDatabase(
    (db) => {
      beforeEach(async () => {
        await db.reset()
        await insert(sharedClient(db), 'taken')
      })

      for (const statement of ['ROLLBACK', `INSERT OR ROLLBACK INTO "User" ("email", "name") VALUES ('taken', 'a')`]) {
        test(`on SQLite \`${statement.slice(0, 18).trim()}\` ends the transaction: COMMIT is refused, and nothing runs`, async () => {
          const { prisma, afterCommit, both, events, outcome } = watched(db)
          const hooks: string[] = []
          const transaction = prisma.$transaction(async (tx) => {
            await both(tx, 'a')
            afterCommit.onRollback(() => hooks.push('rolled back'))
            await tx.$executeRawUnsafe(statement).catch(() => {})
          })
          await assert.rejects(transaction, /transaction is closed/)
          assert.deepEqual(await outcome(), { ran: [], rows: ['taken'] })
          assert.deepEqual([events, hooks], [['discarded a'], ['rolled back']])
        })
      }

      test('and the next transaction works', async () => {
        const { prisma, both } = watched(db)
        await prisma.$transaction((tx) => both(tx, 'a'))
        assert.deepEqual(await rowsOf(db), ['taken', 'a'])
      })
    },
    { only: ['sqlite'] },
  )

  forEachDatabase(
    (db) => {
      beforeEach(async () => {
        await db.reset()
        await insert(sharedClient(db), 'taken')
      })

      test('an error swallowed in a savepoint in which nothing was registered: Prisma’s RELEASE fails, and the tasks follow the rows', async (t) => {
        if (lacks(t, savepoints)) return
        const { prisma, both, events, outcome } = watched(db)
        const transaction = prisma.$transaction(async (tx) => {
          const nested = tx.$transaction(async (inner) => {
            await insert(inner, 'nested')
            await insert(inner, 'taken').then(undefined, () => {})
          })
          await assert.rejects(nested)
          // Prisma 7.10 has rolled back all of the transaction by now, and not only the savepoint.
          await both(tx, 'a')
        })
        await assert.rejects(transaction, { code: 'P2028' })
        assert.deepEqual(await outcome(), { ran: [], rows: ['taken'] })
        assert.deepEqual(events, [])
      })
    },
    { only: ['postgresql'] },
  )
})
