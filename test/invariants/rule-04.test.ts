import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { forEachDatabase } from '../support/databases.js'
import { lacks, savepoints } from '../support/prisma-version.js'
import { insert, rowsOf, watched } from '../support/watched.js'
import { deferred, until } from '../support/wait.js'

const failure = new Error('not this one')
const fail = (): never => {
  throw failure
}

describe('Rule 4: the root client’s $transaction inside a callback is an independent transaction', () => {
  // SQLite has one writer: there, an independent transaction begins when the one around it has ended.
  // Each test has its own names, because InnoDB locks the gap around a deleted one that is inserted again.
  forEachDatabase(
    (db) => {
      beforeEach(() => db.reset())

      test('its tasks run at its own commit, while the transaction around it is still open', async () => {
        const { prisma, both, ran, outcome } = watched(db)
        await prisma.$transaction(async (tx) => {
          await both(tx, 'outer')
          await prisma.$transaction((independent) => both(independent, 'independent'))
          await until(() => ran.length > 0)
          assert.deepEqual([ran, await rowsOf(db)], [['independent'], ['independent']])
        })
        assert.deepEqual((await outcome()).ran, ['independent', 'outer'])
        assert.deepEqual((await rowsOf(db)).toSorted(), ['independent', 'outer'])
      })

      test('it commits and the transaction around it fails: only its tasks run', async () => {
        const { prisma, both, events, outcome } = watched(db)
        const outer = prisma.$transaction(async (tx) => {
          await both(tx, 'order')
          await prisma.$transaction((independent) => both(independent, 'audit'))
          fail()
        })
        await assert.rejects(outer, (error) => error === failure)
        assert.deepEqual(await outcome(), { ran: ['audit'], rows: ['audit'] })
        assert.deepEqual(events.toSorted(), ['discarded order', 'succeeded audit'])
      })

      test('it fails and the transaction around it commits: only the tasks of the outer one run', async () => {
        const { prisma, both, events, outcome } = watched(db)
        await prisma.$transaction(async (tx) => {
          await both(tx, 'milk')
          const independent = prisma.$transaction(async (other) => {
            await both(other, 'log')
            fail()
          })
          await assert.rejects(independent, (error) => error === failure)
          await both(tx, 'bread')
        })
        assert.deepEqual(await outcome(), { ran: ['milk', 'bread'], rows: ['milk', 'bread'] })
        assert.deepEqual(events, ['discarded log', 'succeeded milk', 'succeeded bread'])
      })

      test('inside a savepoint it is as independent: the savepoint rolls back, it stays', async (t) => {
        if (lacks(t, savepoints)) return
        const { prisma, both, outcome } = watched(db)
        await prisma.$transaction(async (tx) => {
          const nested = tx.$transaction(async (inner) => {
            await both(inner, 'lesson')
            await prisma.$transaction((independent) => both(independent, 'visit'))
            fail()
          })
          await assert.rejects(nested, (error) => error === failure)
        })
        assert.deepEqual(await outcome(), { ran: ['visit'], rows: ['visit'] })
      })

      test('two independent transactions side by side in a callback: each follows its own end', async () => {
        const { prisma, both, outcome } = watched(db)
        const bothOpen = deferred()
        let open = 0
        await prisma.$transaction(async (tx) => {
          await both(tx, 'course')
          const ends = await Promise.allSettled(
            ['kept', 'lost'].map((name) =>
              prisma.$transaction(async (independent) => {
                await both(independent, name)
                if (++open === 2) bothOpen.resolve()
                await bothOpen.promise
                if (name === 'lost') fail()
              }),
            ),
          )
          assert.deepEqual(
            ends.map(({ status }) => status),
            ['fulfilled', 'rejected'],
          )
        })
        assert.deepEqual(await outcome(), { ran: ['kept', 'course'], rows: ['course', 'kept'] })
      })
    },
    { only: ['postgresql', 'mariadb'] },
  )

  forEachDatabase((db) => {
    beforeEach(() => db.reset())

    test('started in a callback and awaited after it, it commits although the transaction around it has failed', async () => {
      const { prisma, both, events, outcome } = watched(db)
      let independent: Promise<unknown> = Promise.resolve()
      const outer = prisma.$transaction(async (tx) => {
        await both(tx, 'outer')
        independent = prisma.$transaction((other) => both(other, 'independent'))
        fail()
      })
      await assert.rejects(outer, (error) => error === failure)
      await independent
      assert.deepEqual(await outcome(), { ran: ['independent'], rows: ['independent'] })
      assert.deepEqual(events, ['discarded outer', 'succeeded independent'])
    })

    test('a write through the root client belongs to no transaction, and its task to the one around it', async () => {
      const { prisma, both, task, outcome } = watched(db)
      let alone: PromiseLike<unknown> = Promise.resolve()
      const outer = prisma.$transaction(async (tx) => {
        await both(tx, 'outer')
        alone = Promise.resolve(insert(prisma, 'alone')) // sent now, and not where it is awaited
        task('of the outer transaction')
        fail()
      })
      await assert.rejects(outer, (error) => error === failure)
      await alone
      assert.deepEqual(await outcome(), { ran: [], rows: ['alone'] })
    })
  })
})
