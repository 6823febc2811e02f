import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { forEachDatabase } from '../support/databases.js'
import { holdTimers } from '../support/held-timers.js'
import { lacks, nestedIn, savepoints } from '../support/prisma-version.js'
import { insert, rowsOf, watched } from '../support/watched.js'
import { deferred, until } from '../support/wait.js'

const failure = new Error('not this one')
const isFailure = (error: unknown): boolean => error === failure
const fail = (): never => {
  throw failure
}

describe('onRollback runs if its scope, or one around it, rolls back', () => {
  forEachDatabase((db) => {
    beforeEach(() => db.reset())

    /** A hook that writes its name down. */
    const recording = () => {
      const all = watched(db)
      const hooks: string[] = []
      return { ...all, hooks, hook: (name: string) => all.afterCommit.onRollback(() => hooks.push(name)) }
    }

    test('not after a commit', async () => {
      const { prisma, both, hook, hooks, outcome } = recording()
      await prisma.$transaction(async (tx) => {
        hook('outer')
        await nestedIn(tx, async (inner) => {
          hook('nested')
          await both(inner, 'a')
        })
      })
      assert.deepEqual(await outcome(), { ran: ['a'], rows: ['a'] })
      assert.deepEqual(hooks, [])
    })

    test('after a rollback, in the order of registration over all nesting levels, when the rows are gone', async () => {
      const { prisma, afterCommit, both, hook, hooks, outcome } = recording()
      const rows: string[][] = []
      const transaction = prisma.$transaction(async (tx) => {
        hook('1')
        await both(tx, 'a')
        await nestedIn(tx, (inner) => {
          hook('2')
          return both(inner, 'b')
        })
        hook('3')
        afterCommit.onRollback(async () => void rows.push(await rowsOf(db)))
        assert.deepEqual(hooks, [])
        fail()
      })
      await assert.rejects(transaction, isFailure)
      assert.deepEqual(await outcome(), { ran: [], rows: [] })
      await until(() => rows.length)
      assert.deepEqual([hooks, rows], [['1', '2', '3'], [[]]])
    })

    test('of a savepoint that rolled back: only after the outermost transaction has ended, which commits', async (t) => {
      if (lacks(t, savepoints)) return
      const { prisma, both, hook, hooks, outcome } = recording()
      await prisma.$transaction(async (tx) => {
        hook('outer')
        const nested = tx.$transaction(async (inner) => {
          hook('nested')
          await inner.$transaction(() => Promise.resolve(hook('released in it')))
          fail()
        })
        await assert.rejects(nested, isFailure)
        await both(tx, 'a')
        assert.deepEqual(hooks, [])
      })
      assert.deepEqual(await outcome(), { ran: ['a'], rows: ['a'] })
      assert.deepEqual(hooks, ['nested', 'released in it'])
    })

    test('once, where savepoint and transaction both roll back, and in the order of registration', async (t) => {
      if (lacks(t, savepoints)) return
      const { prisma, hook, hooks, outcome } = recording()
      const transaction = prisma.$transaction(async (tx) => {
        hook('1')
        const nested = tx.$transaction(async () => {
          hook('2')
          await Promise.resolve()
          fail()
        })
        await assert.rejects(nested, isFailure)
        hook('3')
        await insert(tx, 'a')
        fail()
      })
      await assert.rejects(transaction, isFailure)
      assert.deepEqual(await outcome(), { ran: [], rows: [] })
      assert.deepEqual(hooks, ['1', '2', '3'])
    })

    test('it is not awaited: the caller has its error before the hook is done', async () => {
      const { prisma, afterCommit, hooks, outcome } = recording()
      const gate = deferred()
      const transaction = prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        afterCommit.onRollback(async () => {
          hooks.push('started')
          await gate.promise
          hooks.push('done')
        })
        fail()
      })
      await assert.rejects(transaction, isFailure)
      assert.deepEqual([hooks, await outcome()], [['started'], { ran: [], rows: [] }])
      gate.resolve()
      await until(() => hooks.length === 2)
      assert.deepEqual(hooks, ['started', 'done'])
    })

    test('its errors are logged, and change neither the other hooks nor what the caller sees', async () => {
      const { prisma, afterCommit, hook, hooks, log, outcome } = recording()
      const errors = [new Error('thrown'), new Error('rejected')]
      const transaction = prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        afterCommit.onRollback(() => {
          throw errors[0]
        })
        afterCommit.onRollback(() => Promise.reject(errors[1]))
        afterCommit.onRollback(() => {
          throw undefined
        })
        hook('last')
        fail()
      })
      await assert.rejects(transaction, isFailure)
      await until(() => log.at('error').length === 3)
      const logged = log.at('error').map(({ fields }) => fields['err'])
      assert.deepEqual(new Set(logged), new Set([...errors, undefined]))
      assert.deepEqual([hooks, await outcome()], [['last'], { ran: [], rows: [] }])
    })

    test('registered late: it runs if the transaction has rolled back or timed out, and not if it has committed', async (t) => {
      const limit = holdTimers(t, 50_000)
      const { prisma, hook, hooks, outcome } = recording()
      const gate = deferred()
      const late: Promise<void>[] = []
      const later = (name: string): void => void late.push(gate.promise.then(() => hook(name)))
      const lost = prisma.$transaction(async (tx) => {
        await insert(tx, 'lost')
        later('after a rollback')
        fail()
      })
      await assert.rejects(lost, isFailure)
      const slow = prisma.$transaction(
        async (tx) => {
          await insert(tx, 'slow')
          later('after a timeout')
          limit.expire()
        },
        { timeout: 50_000, maxWait: 20_000 },
      )
      await assert.rejects(slow, { code: 'P2028' })
      await prisma.$transaction(async (tx) => {
        await insert(tx, 'kept')
        later('after a commit')
      })
      gate.resolve()
      await Promise.all(late)
      assert.deepEqual(await outcome(), { ran: [], rows: ['kept'] })
      assert.deepEqual(hooks, ['after a rollback', 'after a timeout'])
    })

    test('a registration in a hook is outside any transaction', async () => {
      const { prisma, afterCommit, task, outcome } = recording()
      const open: boolean[] = []
      const transaction = prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        afterCommit.onRollback(() => {
          open.push(afterCommit.inTransaction())
          task('tell somebody')
        })
        fail()
      })
      await assert.rejects(transaction, isFailure)
      assert.deepEqual(await outcome(), { ran: ['tell somebody'], rows: [] })
      assert.deepEqual(open, [false])
    })

    test('a hook may open a transaction of its own', async () => {
      const { prisma, afterCommit, both, hooks, outcome } = recording()
      const transaction = prisma.$transaction(async (tx) => {
        await insert(tx, 'lost')
        afterCommit.onRollback(async () => {
          await prisma.$transaction((own) => both(own, 'audit'))
          hooks.push('done')
        })
        fail()
      })
      await assert.rejects(transaction, isFailure)
      await until(() => hooks.length)
      assert.deepEqual(await outcome(), { ran: ['audit'], rows: ['audit'] })
    })

    test('outside a transaction it throws NoTransactionError; what is no function is refused', async () => {
      const { prisma, afterCommit, hook, hooks, outcome } = recording()
      assert.throws(() => hook('never'), { code: 'ERR_NO_TRANSACTION' })
      await prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        assert.throws(() => afterCommit.onRollback('no function' as never), { code: 'ERR_OPTIONS' })
      })
      assert.throws(() => hook('never'), { code: 'ERR_NO_TRANSACTION' })
      assert.deepEqual([hooks, await outcome()], [[], { ran: [], rows: ['a'] }])
    })
  })
})
