import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { forEachDatabase } from '../support/databases.js'
import { lacks, savepoints } from '../support/prisma-version.js'
import { insert, type Tx, watched } from '../support/watched.js'
import { deferred } from '../support/wait.js'

const failure = new Error('not this one')
const fail = (): never => {
  throw failure
}
const ignore = (error: unknown): void => assert.equal(error, failure)

describe('Rule 3: a nested transaction is a savepoint, and its tasks go where its rows go', () => {
  forEachDatabase((db) => {
    beforeEach(() => db.reset())

    test('drops the tasks of a savepoint that rolls back, and keeps those around it', async (t) => {
      if (lacks(t, savepoints)) return
      const { prisma, both, events, outcome } = watched(db)
      await prisma.$transaction(async (tx) => {
        await both(tx, 'before')
        const nested = tx.$transaction(async (inner) => {
          await both(inner, 'dropped')
          fail()
        })
        await nested.catch(ignore)
        await both(tx, 'after')
      })
      assert.deepEqual(await outcome(), { ran: ['before', 'after'], rows: ['before', 'after'] })
      assert.deepEqual(events, ['discarded dropped', 'succeeded before', 'succeeded after'])
    })

    test('settles the handle of a dropped task when its savepoint rolls back, not later', async (t) => {
      if (lacks(t, savepoints)) return
      const { prisma, both, outcome } = watched(db)
      await prisma.$transaction(async (tx) => {
        const handle = deferred<Awaited<ReturnType<typeof both>>>()
        const nested = tx.$transaction(async (inner) => {
          handle.resolve(await both(inner, 'dropped'))
          fail()
        })
        await nested.catch(ignore)
        const { state, settled } = await handle.promise
        assert.deepEqual([state, await settled], ['discarded', { status: 'discarded', attempts: 0, error: failure }])
      })
      assert.deepEqual(await outcome(), { ran: [], rows: [] })
    })

    test('hands the tasks of a released savepoint to its parent', async (t) => {
      if (lacks(t, savepoints)) return
      const { prisma, both, outcome } = watched(db)
      await prisma.$transaction(async (tx) => {
        await tx.$transaction((inner) => both(inner, 'inner'))
      })
      assert.deepEqual(await outcome(), { ran: ['inner'], rows: ['inner'] })
    })

    test('drops the tasks of a released savepoint when the transaction around it fails', async (t) => {
      if (lacks(t, savepoints)) return
      const { prisma, both, events, outcome } = watched(db)
      const transaction = prisma.$transaction(async (tx) => {
        await tx.$transaction((inner) => both(inner, 'inner'))
        await both(tx, 'outer')
        fail()
      })
      await transaction.catch(ignore)
      assert.deepEqual(await outcome(), { ran: [], rows: [] })
      assert.deepEqual(events, ['discarded inner', 'discarded outer'])
    })

    test('drops the tasks of a released savepoint when the savepoint around it rolls back', async (t) => {
      if (lacks(t, savepoints)) return
      const { prisma, both, outcome } = watched(db)
      await prisma.$transaction(async (tx) => {
        await both(tx, 'root')
        const nested = tx.$transaction(async (inner) => {
          await inner.$transaction((innermost) => both(innermost, 'released'))
          fail()
        })
        await nested.catch(ignore)
      })
      assert.deepEqual(await outcome(), { ran: ['root'], rows: ['root'] })
    })

    test('three siblings of which the second fails: the first and the third run', async (t) => {
      if (lacks(t, savepoints)) return
      const { prisma, both, outcome } = watched(db)
      await prisma.$transaction(async (tx) => {
        for (const name of ['first', 'second', 'third']) {
          const sibling = tx.$transaction(async (inner) => {
            await both(inner, name)
            if (name === 'second') fail()
          })
          await sibling.catch(ignore)
        }
      })
      assert.deepEqual(await outcome(), { ran: ['first', 'third'], rows: ['first', 'third'] })
    })

    for (const failing of [1, 2, 3, 4]) {
      test(`four levels deep, level ${failing} fails: only the levels above it run`, async (t) => {
        if (lacks(t, savepoints)) return
        const { prisma, both, outcome } = watched(db)
        const level = async (tx: Tx, depth: number): Promise<void> => {
          await both(tx, `down ${depth}`)
          if (depth < 4) await tx.$transaction((inner) => level(inner, depth + 1)).catch(ignore)
          if (depth === failing) fail()
          await both(tx, `up ${depth}`)
        }
        await prisma.$transaction((tx) => level(tx, 1)).catch(ignore)
        const above = [1, 2, 3, 4].filter((depth) => depth < failing)
        const expected = [...above.map((depth) => `down ${depth}`), ...above.toReversed().map((depth) => `up ${depth}`)]
        assert.deepEqual(await outcome(), { ran: expected, rows: expected })
      })
    }

    test('four levels deep and nothing fails: everything runs, in the order of registration', async (t) => {
      if (lacks(t, savepoints)) return
      const { prisma, both, outcome } = watched(db)
      const level = async (tx: Tx, depth: number): Promise<void> => {
        await both(tx, `down ${depth}`)
        if (depth < 4) await tx.$transaction((inner) => level(inner, depth + 1))
        await both(tx, `up ${depth}`)
      }
      await prisma.$transaction((tx) => level(tx, 1))
      const expected = ['down 1', 'down 2', 'down 3', 'down 4', 'up 4', 'up 3', 'up 2', 'up 1']
      assert.deepEqual(await outcome(), { ran: expected, rows: expected })
    })

    test('siblings in Promise.all: Prisma refuses them all, and nothing of them runs', async () => {
      const { prisma, both, afterCommit, events, outcome } = watched(db)
      const hooks: string[] = []
      const transaction = prisma.$transaction(async (tx) => {
        await both(tx, 'outer')
        afterCommit.onRollback(() => hooks.push('outer'))
        await Promise.all(['a', 'b', 'c'].map((name) => tx.$transaction((inner) => both(inner, name))))
      })
      await assert.rejects(transaction)
      assert.deepEqual(await outcome(), { ran: [], rows: [] })
      assert.deepEqual(new Set(events.map((event) => event.split(' ')[0])), new Set(['discarded']))
      assert.deepEqual(hooks, ['outer'])
    })

    test('a nested transaction that nobody awaits makes Prisma reject, and drops everything', async (t) => {
      if (lacks(t, savepoints)) return
      const { prisma, both, afterCommit, events, outcome } = watched(db)
      const hooks: string[] = []
      const nestedOpen = deferred()
      const outerEnded = deferred()
      let nested: Promise<unknown> = Promise.resolve()
      const transaction = prisma.$transaction(async (tx) => {
        await both(tx, 'outer')
        afterCommit.onRollback(() => hooks.push('outer'))
        nested = tx.$transaction(async (inner) => {
          await both(inner, 'nested')
          afterCommit.onRollback(() => hooks.push('nested'))
          nestedOpen.resolve()
          await outerEnded.promise
        })
        await nestedOpen.promise
      })
      await assert.rejects(transaction)
      outerEnded.resolve()
      await assert.rejects(nested)
      assert.deepEqual(await outcome(), { ran: [], rows: [] })
      assert.deepEqual(events.toSorted(), ['discarded nested', 'discarded outer'])
      assert.deepEqual(hooks.toSorted(), ['nested', 'outer'])
    })

    test('a nested transaction that ends together with the callback around it drops everything too', async (t) => {
      if (lacks(t, savepoints)) return
      const { prisma, both, events, outcome } = watched(db)
      const nestedOpen = deferred()
      const end = deferred()
      let nested: Promise<unknown> = Promise.resolve()
      const transaction = prisma.$transaction(async (tx) => {
        await both(tx, 'outer')
        nested = tx.$transaction(async (inner) => {
          await both(inner, 'nested')
          nestedOpen.resolve()
          await end.promise
        })
        nested.catch(() => {})
        await nestedOpen.promise
        end.resolve()
      })
      await assert.rejects(transaction)
      await assert.rejects(nested)
      assert.deepEqual(await outcome(), { ran: [], rows: [] })
      assert.deepEqual(events.toSorted(), ['discarded nested', 'discarded outer'])
    })

    test('a nested transaction that has not even begun when the callback ends drops everything too', async (t) => {
      if (lacks(t, savepoints)) return
      const { prisma, both, afterCommit, events, outcome } = watched(db)
      const hooks: string[] = []
      let nested: Promise<unknown> = Promise.resolve()
      const transaction = prisma.$transaction(async (tx) => {
        await both(tx, 'outer')
        afterCommit.onRollback(() => hooks.push('outer'))
        nested = tx.$transaction((inner) => both(inner, 'nested'))
        nested.catch(() => {})
      })
      await assert.rejects(transaction)
      await assert.rejects(nested)
      assert.deepEqual(await outcome(), { ran: [], rows: [] })
      assert.deepEqual(new Set(events.map((event) => event.split(' ')[0])), new Set(['discarded']))
      assert.deepEqual(hooks, ['outer'])
    })

    test('a callback that throws while a nested transaction is open drops everything', async (t) => {
      if (lacks(t, savepoints)) return
      const { prisma, both, events, outcome } = watched(db)
      let nested: Promise<unknown> = Promise.resolve()
      const transaction = prisma.$transaction(async (tx) => {
        await both(tx, 'outer')
        nested = tx.$transaction((inner) => both(inner, 'nested'))
        nested.catch(() => {})
        fail()
      })
      await assert.rejects(transaction, (error) => error === failure)
      await assert.rejects(nested)
      assert.deepEqual(await outcome(), { ran: [], rows: [] })
      assert.deepEqual(new Set(events.map((event) => event.split(' ')[0])), new Set(['discarded']))
    })

    test('the outer client used inside a nested transaction writes into the savepoint, and so does its task', async (t) => {
      if (lacks(t, savepoints)) return
      const { prisma, both, outcome } = watched(db)
      await prisma.$transaction(async (tx) => {
        const nested = tx.$transaction(async () => {
          await both(tx, 'through the outer client')
          fail()
        })
        await nested.catch(ignore)
        await both(tx, 'kept')
      })
      assert.deepEqual(await outcome(), { ran: ['kept'], rows: ['kept'] })
    })

    test('what Prisma refuses inside a nested transaction stays refused: a savepoint from the outer client', async (t) => {
      if (lacks(t, savepoints)) return
      const { prisma, both, events, outcome } = watched(db)
      await prisma.$transaction(async (tx) => {
        await tx.$transaction(async (inner) => {
          await assert.rejects(
            tx.$transaction((other) => both(other, 'never')),
            /[Cc]oncurrent nested/,
          )
          await both(inner, 'inner')
        })
        await insert(tx, 'outer')
      })
      assert.deepEqual(await outcome(), { ran: ['inner'], rows: ['inner', 'outer'] })
      assert.deepEqual(events, ['succeeded inner'])
    })
  })
})
