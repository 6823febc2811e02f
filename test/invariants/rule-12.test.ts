import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { OptionsError } from '../../src/index.js'
import { forEachDatabase } from '../support/databases.js'
import { lacks, nestedIn, savepoints } from '../support/prisma-version.js'
import { insert, rowsOf, sharedClient, type Tx, watched } from '../support/watched.js'

const failure = new Error('not this one')
const fail = (): never => {
  throw failure
}

describe('Rule 12: a task belongs to the innermost open transaction, or to the one that `.for(tx)` names', () => {
  forEachDatabase((first) => {
    forEachDatabase(
      (second) => {
        beforeEach(async () => {
          await first.reset()
          await second.reset()
        })

        /** One instance that watches a client of each database. */
        const two = () => {
          const { afterCommit, prisma: one, both, task, ran } = watched(first)
          const other = afterCommit.watch(sharedClient(second))
          const outcome = async () => {
            await afterCommit.idle()
            return { ran, first: await rowsOf(first), second: await rowsOf(second) }
          }
          return { afterCommit, one, other, both, task, outcome }
        }

        test('a registration belongs to the innermost open transaction, of whichever client', async () => {
          const { one, other, both, outcome } = two()
          const outer = one.$transaction(async (tx) => {
            await both(tx, 'lost 1')
            await other.$transaction((tx2) => both(tx2, 'kept'))
            await both(tx, 'lost 2')
            fail()
          })
          await assert.rejects(outer, (error) => error === failure)
          assert.deepEqual(await outcome(), { ran: ['kept'], first: [], second: ['kept'] })
        })

        test('the other way round: the inner one fails, the outer one commits', async () => {
          const { one, other, both, outcome } = two()
          await one.$transaction(async (tx) => {
            await both(tx, 'kept 1')
            const inner = other.$transaction(async (tx2) => {
              await both(tx2, 'lost')
              fail()
            })
            await assert.rejects(inner, (error) => error === failure)
            await both(tx, 'kept 2')
          })
          assert.deepEqual(await outcome(), { ran: ['kept 1', 'kept 2'], first: ['kept 1', 'kept 2'], second: [] })
        })

        test('`.for(tx)` binds to the transaction named, from inside another one', async () => {
          const { afterCommit, one, other, task, outcome } = two()
          await one.$transaction(async (tx) => {
            await insert(tx, 'outer')
            const inner = other.$transaction(async (tx2) => {
              await insert(tx2, 'inner')
              task('of the outer', afterCommit.for(tx))
              task('of the inner')
              task('of the inner, named', afterCommit.for(tx2))
              assert.deepEqual(
                [afterCommit.for(tx), afterCommit.for(tx2)].map((bound) => bound.inTransaction()),
                [true, true],
              )
              fail()
            })
            await assert.rejects(inner, (error) => error === failure)
          })
          assert.deepEqual(await outcome(), { ran: ['of the outer'], first: ['outer'], second: [] })
        })
      },
      { only: ['sqlite'] },
    )
  })

  forEachDatabase((db) => {
    beforeEach(() => db.reset())

    test('`.for(tx)` binds to the innermost open savepoint of the transaction named', async (t) => {
      if (lacks(t, savepoints)) return
      const { prisma, afterCommit, task, outcome } = watched(db)
      await prisma.$transaction(async (tx) => {
        const bound = afterCommit.for(tx)
        task('before', bound)
        const nested = tx.$transaction(async (inner) => {
          await insert(tx, 'lost')
          task('lost, by the outer client', bound)
          task('lost, by the inner client', afterCommit.for(inner))
          fail()
        })
        await assert.rejects(nested, (error) => error === failure)
        await insert(tx, 'kept')
        task('after', bound)
      })
      assert.deepEqual(await outcome(), { ran: ['before', 'after'], rows: ['kept'] })
    })

    test('`.for(tx)` of a savepoint that was released binds to its parent', async (t) => {
      if (lacks(t, savepoints)) return
      const { prisma, afterCommit, task, events, outcome } = watched(db)
      const transaction = prisma.$transaction(async (tx) => {
        const inner = await tx.$transaction((nested) => Promise.resolve(nested))
        task('a', afterCommit.for(inner))
        await insert(tx, 'a')
        fail()
      })
      await assert.rejects(transaction, (error) => error === failure)
      assert.deepEqual(await outcome(), { ran: [], rows: [] })
      assert.deepEqual(events, ['discarded a'])
    })

    test('`.for(tx)` works where the context is lost, and after the end it follows the outcome', async () => {
      const { prisma, afterCommit, task, outcome } = watched(db, { outsideTransaction: 'throw' })
      let kept: Tx | undefined
      let resolve!: (tx: Tx) => void
      const outside = new Promise<Tx>((r) => (resolve = r)).then((tx) => task('from outside', afterCommit.for(tx)))
      await prisma.$transaction(async (tx) => {
        kept = tx
        await insert(tx, 'a')
        resolve(tx)
        await outside
      })
      assert.equal(afterCommit.for(kept as object).inTransaction(), false)
      task('late', afterCommit.for(kept as object))
      assert.deepEqual(await outcome(), { ran: ['from outside', 'late'], rows: ['a'] })
    })

    test('`.for(tx).onRollback` belongs to the transaction named', async () => {
      const { prisma, afterCommit, outcome } = watched(db)
      const hooks: string[] = []
      const transaction = prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        afterCommit.for(tx).onRollback(() => hooks.push('named'))
        fail()
      })
      await assert.rejects(transaction, (error) => error === failure)
      assert.deepEqual([hooks, await outcome()], [['named'], { ran: [], rows: [] }])
    })

    test('`.for(prisma)` is outside a transaction, wherever it is called', async () => {
      const { prisma, afterCommit, task, ran, outcome } = watched(db)
      const transaction = prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        task('at once', afterCommit.for(prisma))
        assert.equal(afterCommit.for(prisma).inTransaction(), false)
        await afterCommit.idle()
        assert.deepEqual(ran, ['at once'])
        fail()
      })
      await assert.rejects(transaction, (error) => error === failure)
      assert.deepEqual(await outcome(), { ran: ['at once'], rows: [] })
      assert.throws(() => afterCommit.for(prisma).onRollback(() => {}), { code: 'ERR_NO_TRANSACTION' })
    })

    test('`.for` of what is not watched throws at once, and says what it expected', async () => {
      const { prisma, base, afterCommit, outcome } = watched(db)
      const stranger = watched(db)
      const refuses = (client: unknown): void =>
        assert.throws(
          () => afterCommit.for(client as object),
          (error) => {
            assert.equal(error instanceof OptionsError && error.code, 'ERR_OPTIONS')
            assert.match((error as Error).message, /`tx`.*`watch`/)
            return true
          },
        )
      for (const client of [base, stranger.prisma, {}, null, undefined, 'tx', () => {}]) refuses(client)
      await base.$transaction((tx) => Promise.resolve(refuses(tx)))
      await stranger.prisma.$transaction((tx) => Promise.resolve(refuses(tx)))
      await prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        afterCommit.for(tx)
      })
      assert.deepEqual(await outcome(), { ran: [], rows: ['a'] })
    })

    test('a transaction is known whichever view of the watched client opened it', async () => {
      const { prisma, afterCommit, both, task, outcome } = watched(db)
      const view = prisma.$extends({ name: 'one' }).$extends({ client: { hello: () => 'hello' } })
      const transaction = view.$transaction(async (tx) => {
        await both(tx, 'ambient')
        task('named', afterCommit.for(tx))
        await nestedIn(tx, async (inner) => {
          task('nested', afterCommit.for(inner))
          await both(inner, 'nested, ambient')
        })
        fail()
      })
      await assert.rejects(transaction, (error) => error === failure)
      assert.deepEqual(await outcome(), { ran: [], rows: [] })
      await view.$transaction(async (tx) => {
        await both(tx, 'a')
        task('b', afterCommit.for(tx))
      })
      assert.deepEqual(await outcome(), { ran: ['a', 'b'], rows: ['a'] })
    })

    test('two instances watch the same client: each knows its transactions, and their tasks', async (t) => {
      if (lacks(t, savepoints)) return
      const inner = watched(db)
      const outer = watched(db, {}, inner.prisma)
      await outer.prisma.$transaction(async (tx) => {
        await inner.both(tx, 'a')
        await outer.both(tx, 'b')
        const nested = tx.$transaction(async (tx2) => {
          await inner.both(tx2, 'lost by one')
          await outer.both(tx2, 'lost by the other')
          fail()
        })
        await assert.rejects(nested, (error) => error === failure)
        inner.task('named', inner.afterCommit.for(tx))
        outer.task('named', outer.afterCommit.for(tx))
      })
      assert.deepEqual(await inner.outcome(), { ran: ['a', 'named'], rows: ['a', 'b'] })
      assert.deepEqual(await outer.outcome(), { ran: ['b', 'named'], rows: ['a', 'b'] })
    })
  })
})
