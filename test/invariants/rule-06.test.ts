import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import type { Prisma, PrismaClient } from '../../prisma/client/sqlite/client.js'
import { conflictAtCommit, conflictAtQuery, rowsToFightFor } from '../support/conflicts.js'
import { forEachDatabase, type TestDatabase } from '../support/databases.js'
import { lacks, nestedIn, savepoints } from '../support/prisma-version.js'
import { insert, rowsOf, sharedClient, type Tx, watched, type Watched } from '../support/watched.js'

type Callback = (tx: Tx) => Promise<unknown>
type Options = { isolationLevel?: Prisma.TransactionIsolationLevel }
type Transact = (callback: Callback, options?: Options) => Promise<unknown>

/** What one writes by hand: three attempts, whatever the error. */
async function attempts(once: () => Promise<unknown>): Promise<unknown> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await once()
    } catch (error) {
      if (attempt === 3) throw error
    }
  }
}

/** The same as an extension. It goes to a client that it closes over, as those in the wild do. */
function retrying(client: PrismaClient): PrismaClient {
  const $transaction: Transact = (callback, options) => attempts(() => client.$transaction(callback, options))
  return client.$extends({ client: { $transaction } }) as unknown as PrismaClient
}

/** The ways in which an application retries: a watched client, and its transaction with retries. */
const ways: Record<string, (db: TestDatabase) => Watched & { readonly transact: Transact }> = {
  'by a loop': (db) => {
    const all = watched(db)
    return { ...all, transact: (callback, options) => attempts(() => all.prisma.$transaction(callback, options)) }
  },
  'by an extension below watch': (db) => {
    const all = watched(db, {}, retrying(sharedClient(db)))
    return { ...all, transact: (callback, options) => all.prisma.$transaction(callback, options) }
  },
  'by an extension above watch': (db) => {
    const all = watched(db)
    const prisma = retrying(all.prisma)
    return { ...all, prisma, transact: (callback, options) => prisma.$transaction(callback, options) }
  },
}

describe('Rule 6: each attempt of a retried transaction has its own scope', () => {
  forEachDatabase((db) => {
    const snapshot: Options = db.name === 'postgresql' ? { isolationLevel: 'RepeatableRead' as 'Serializable' } : {}

    beforeEach(async () => {
      await db.reset()
      await rowsToFightFor(sharedClient(db))
    })

    for (const [way, watchedBy] of Object.entries(ways)) {
      test(`retried ${way} after a conflict at a query: only the tasks of the last attempt run`, async () => {
        const { transact, task, both, events, outcome } = watchedBy(db)
        let attempt = 0
        await transact(async (tx) => {
          await both(tx, `attempt ${++attempt}`)
          await nestedIn(tx, (inner) => both(inner, `savepoint ${attempt}`))
          if (attempt < 3) await conflictAtQuery(db, sharedClient(db), tx)
          task(`end ${attempt}`)
        }, snapshot)
        const kept = ['attempt 3', 'savepoint 3']
        assert.deepEqual(await outcome(), { ran: [...kept, 'end 3'], rows: ['seat', 'chair', ...kept] })
        const lost = [1, 2].flatMap((n) => [`discarded attempt ${n}`, `discarded savepoint ${n}`])
        assert.deepEqual(events.slice(0, 4), lost)
      })

      test(`retried ${way} and never successful: nothing runs, and the hooks of each attempt have run once`, async () => {
        const { afterCommit, transact, both, events, outcome } = watchedBy(db)
        const hooks: number[] = []
        let attempt = 0
        const transaction = transact(async (tx) => {
          await both(tx, `attempt ${++attempt}`)
          const own = attempt
          afterCommit.onRollback(() => hooks.push(own))
          throw new Error(`attempt ${own} failed`)
        })
        await assert.rejects(transaction, { message: 'attempt 3 failed' })
        assert.deepEqual(await outcome(), { ran: [], rows: ['seat', 'chair'] })
        assert.deepEqual(events, ['discarded attempt 1', 'discarded attempt 2', 'discarded attempt 3'])
        assert.deepEqual(hooks, [1, 2, 3])
      })

      test(`retried ${way}: a retried savepoint works too, and the transaction around it goes on`, async (t) => {
        if (lacks(t, savepoints)) return
        const { transact, both, outcome } = watchedBy(db)
        let attempt = 0
        await transact(async (tx) => {
          await both(tx, 'around')
          await attempts(() =>
            tx.$transaction(async (inner) => {
              await both(inner, `attempt ${++attempt}`)
              if (attempt < 3) throw new Error('again')
            }),
          )
        })
        const kept = ['around', 'attempt 3']
        assert.deepEqual(await outcome(), { ran: kept, rows: ['seat', 'chair', ...kept] })
      })

      if (db.name === 'postgresql') {
        test(`retried ${way} after a conflict that only COMMIT reports: only the tasks of the last attempt run`, async () => {
          const { afterCommit, transact, both, events, ran } = watchedBy(db)
          const errors: unknown[] = []
          const hooks: number[] = []
          let attempt = 0
          const serializable: Options = { isolationLevel: 'Serializable' }
          await transact(async (tx) => {
            const own = ++attempt
            await both(tx, `attempt ${own}`)
            afterCommit.onRollback(() => hooks.push(own))
            if (own < 3) await conflictAtCommit(sharedClient(db), tx, `rival ${own}`)
          }, serializable).catch((error: unknown) => errors.push(error))
          await afterCommit.idle()
          assert.deepEqual([errors, ran, hooks], [[], ['attempt 3'], [1, 2]])
          assert.deepEqual(await rowsOf(db), ['seat', 'chair', 'rival 1', 'rival 2', 'attempt 3'])
          assert.deepEqual(events, ['discarded attempt 1', 'discarded attempt 2', 'succeeded attempt 3'])
        })
      }
    }

    if (db.name === 'postgresql') {
      test('a conflict that only COMMIT reports has no P-code, and discards the tasks', async () => {
        const { prisma, both, events, outcome } = watched(db)
        const transaction = prisma.$transaction(
          async (tx) => {
            await both(tx, 'a')
            await conflictAtCommit(sharedClient(db), tx, 'rival')
          },
          { isolationLevel: 'Serializable' },
        )
        await assert.rejects(transaction, (error: { code?: unknown; cause?: { kind?: unknown } }) => {
          assert.deepEqual([error.code, error.cause?.kind], [undefined, 'TransactionWriteConflict'])
          return true
        })
        assert.deepEqual(await outcome(), { ran: [], rows: ['seat', 'chair', 'rival'] })
        assert.deepEqual(events, ['discarded a'])
      })
    }

    test('an attempt that is retried inside the same transaction shares no task with the attempt before', async (t) => {
      if (lacks(t, savepoints)) return
      const { prisma, both, outcome } = watched(db)
      await insert(prisma, 'taken')
      await prisma.$transaction(async (tx) => {
        for (const name of ['taken', 'free']) {
          const one = tx.$transaction(async (inner) => {
            await both(inner, `note about ${name}`)
            await insert(inner, name)
          })
          const error: unknown = await one.then(
            () => undefined,
            (reason: unknown) => reason,
          )
          assert.equal((error as { code?: string } | undefined)?.code, name === 'taken' ? 'P2002' : undefined)
        }
      })
      const rows = ['seat', 'chair', 'taken', 'note about free', 'free']
      assert.deepEqual(await outcome(), { ran: ['note about free'], rows })
    })
  })
})
