import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { forEachDatabase } from '../support/databases.js'
import { lacks, nestedIn, savepoints } from '../support/prisma-version.js'
import { insert, rowsOf, type Tx, watched } from '../support/watched.js'
import { deferred } from '../support/wait.js'

describe('Rule 5: tasks start in the order of registration', () => {
  forEachDatabase((db) => {
    beforeEach(() => db.reset())

    // 1 and 7 in the transaction, 2 and 6 in a savepoint, 3 and 5 one deeper, 4 in the deepest.
    const nest = async (tx: Tx, register: (tx: Tx, n: number) => Promise<unknown>, depth = 1): Promise<void> => {
      await register(tx, depth)
      if (depth === 4) return
      await nestedIn(tx, (inner) => nest(inner, register, depth + 1))
      await register(tx, 8 - depth)
    }
    const inOrder = ['1', '2', '3', '4', '5', '6', '7']

    test('over all nesting levels', async () => {
      const { prisma, both, outcome } = watched(db, { concurrency: 3 })
      await prisma.$transaction((tx) => nest(tx, (inner, n) => both(inner, String(n))))
      assert.deepEqual(await outcome(), { ran: inOrder, rows: inOrder })
    })

    test('also where the transaction around registers while a savepoint is open', async (t) => {
      if (lacks(t, savepoints)) return
      const { prisma, task, outcome } = watched(db, { concurrency: 1 })
      const nestedOpen = deferred()
      const registered = deferred()
      await prisma.$transaction(async (tx) => {
        const nested = tx.$transaction(async (inner) => {
          task('1')
          nestedOpen.resolve()
          await registered.promise
          task('3')
          await insert(inner, 'a')
        })
        await nestedOpen.promise
        task('2')
        registered.resolve()
        await nested
        task('4')
      })
      assert.deepEqual(await outcome(), { ran: ['1', '2', '3', '4'], rows: ['a'] })
    })

    test('over siblings, one of which rolled back', async (t) => {
      if (lacks(t, savepoints)) return
      const { prisma, both, outcome } = watched(db, { concurrency: 1 })
      await prisma.$transaction(async (tx) => {
        await both(tx, 'a')
        await tx.$transaction((first) => both(first, 'b'))
        const lost = tx.$transaction(async (second) => {
          await both(second, 'lost')
          throw new Error('not this one')
        })
        await assert.rejects(lost, /not this one/)
        await both(tx, 'c')
        await tx.$transaction((third) => both(third, 'd'))
        await both(tx, 'e')
      })
      const expected = ['a', 'b', 'c', 'd', 'e']
      assert.deepEqual(await outcome(), { ran: expected, rows: expected })
    })

    test('with concurrency 1 they also finish in it, however long each takes', async () => {
      const { prisma, afterCommit } = watched(db, { concurrency: 1 })
      const log: string[] = []
      await prisma.$transaction((tx) =>
        nest(tx, async (inner, n) => {
          await insert(inner, String(n))
          afterCommit(async () => {
            log.push(`start ${n}`)
            for (let turns = 8 - n; turns > 0; turns--) await turn() // the later, the shorter
            log.push(`end ${n}`)
          })
        }),
      )
      await afterCommit.idle()
      assert.deepEqual(
        log,
        inOrder.flatMap((n) => [`start ${n}`, `end ${n}`]),
      )
      assert.deepEqual(await rowsOf(db), inOrder)
    })

    test('with more slots they start in it, although the first is the last to finish', async () => {
      const { prisma, afterCommit } = watched(db, { concurrency: 7 })
      const started: string[] = []
      const finished: string[] = []
      const ends = inOrder.map(() => deferred())
      await prisma.$transaction((tx) =>
        nest(tx, async (inner, n) => {
          await insert(inner, String(n))
          afterCommit(async () => {
            started.push(String(n))
            if (n === 7) ends[6]?.resolve()
            await ends[n - 1]?.promise
            finished.push(String(n))
            ends[n - 2]?.resolve()
          })
        }),
      )
      await afterCommit.idle()
      assert.deepEqual([started, finished], [inOrder, inOrder.toReversed()])
      assert.deepEqual(await rowsOf(db), inOrder)
    })

    test('a task registered between the end of the callback and the answer of COMMIT comes last', async () => {
      const { prisma, both, task, outcome } = watched(db, { concurrency: 1 })
      await prisma.$transaction(async (tx) => {
        await both(tx, 'first')
        // The callback ends without waiting for this; it runs when COMMIT is on its way.
        void Promise.resolve().then(() => queueMicrotask(() => task('last')))
        return 'done'
      })
      assert.deepEqual(await outcome(), { ran: ['first', 'last'], rows: ['first'] })
    })
  })
})
