import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { createAfterCommit, NoTransactionError } from '../../src/index.js'
import { forEachDatabase } from '../support/databases.js'
import { nestedIn } from '../support/prisma-version.js'
import { recordingLogger } from '../support/recorders.js'
import { insert, rowsOf, watched } from '../support/watched.js'

describe('Rule 10: a registration outside a transaction does what `outsideTransaction` says', () => {
  forEachDatabase((db) => {
    beforeEach(() => db.reset())

    test("'run', the default: it runs through the pool, never inline", async () => {
      const { prisma, both, afterCommit, ran, log, outcome } = watched(db, { concurrency: 1 })
      const handle = await both(prisma, 'a')
      assert.deepEqual([handle.state, ran, afterCommit.stats().pending], ['waiting', [], 1])
      await both(prisma, 'b')
      assert.deepEqual(await outcome(), { ran: ['a', 'b'], rows: ['a', 'b'] })
      assert.deepEqual(log.at('warn'), [])
    })

    test("'warn': it runs, and each time a warning names it", async () => {
      const { prisma, both, log, outcome } = watched(db, { outsideTransaction: 'warn' })
      await both(prisma, 'a')
      await both(prisma, 'b')
      assert.deepEqual(await outcome(), { ran: ['a', 'b'], rows: ['a', 'b'] })
      assert.deepEqual(
        log.at('warn').map(({ fields }) => fields['task']),
        ['a', 'b'],
      )
      assert.match(log.at('warn')[0]?.message ?? '', /`a`.*outside a transaction/)
    })

    test("'throw': the registration throws NoTransactionError, which names the task", async () => {
      const { prisma, both, events, afterCommit, outcome } = watched(db, { outsideTransaction: 'throw' })
      await assert.rejects(both(prisma, 'a'), (error) => {
        assert.equal(error instanceof NoTransactionError && error.code, 'ERR_NO_TRANSACTION')
        assert.match((error as Error).message, /`a`/)
        return true
      })
      assert.deepEqual(await outcome(), { ran: [], rows: ['a'] })
      assert.deepEqual([events, afterCommit.stats().accepted], [[], 0])
    })

    test("'discard': it does not run, and its handle says so", async () => {
      const { prisma, both, events, afterCommit, outcome } = watched(db, { outsideTransaction: 'discard' })
      const handle = await both(prisma, 'a')
      assert.deepEqual(await handle.settled, { status: 'discarded', attempts: 0 })
      assert.deepEqual(await outcome(), { ran: [], rows: ['a'] })
      assert.deepEqual([events, afterCommit.stats().accepted], [['discarded a'], 0])
    })

    for (const outsideTransaction of ['run', 'warn', 'throw', 'discard'] as const) {
      test(`inside a transaction '${outsideTransaction}' makes no difference`, async () => {
        const { prisma, both, log, outcome } = watched(db, { outsideTransaction })
        await prisma.$transaction(async (tx) => {
          await both(tx, 'a')
          await nestedIn(tx, (inner) => both(inner, 'b'))
        })
        assert.deepEqual(await outcome(), { ran: ['a', 'b'], rows: ['a', 'b'] })
        assert.deepEqual(log.at('warn'), [])
      })
    }

    test('a transaction of the client that was given to watch is not a watched one', async () => {
      const { base, both, outcome } = watched(db, { outsideTransaction: 'throw' })
      const transaction = base.$transaction((tx) => both(tx, 'a'))
      await assert.rejects(transaction, { code: 'ERR_NO_TRANSACTION' })
      assert.deepEqual(await outcome(), { ran: [], rows: [] })
    })

    test('after a transaction has been awaited there is none any more', async () => {
      const { prisma, both, task, outcome } = watched(db, { outsideTransaction: 'throw' })
      await prisma.$transaction((tx) => both(tx, 'a'))
      assert.throws(() => task('b'), { code: 'ERR_NO_TRANSACTION' })
      await prisma.$transaction(() => Promise.reject(new Error('no'))).catch(() => {})
      assert.throws(() => task('c'), { code: 'ERR_NO_TRANSACTION' })
      assert.deepEqual(await outcome(), { ran: ['a'], rows: ['a'] })
    })

    test('an instance that watches no client warns once, at its first registration', async () => {
      const log = recordingLogger()
      const afterCommit = createAfterCommit({ logger: log })
      const ran: string[] = []
      for (const name of ['a', 'b', 'c']) afterCommit(name, () => void ran.push(name))
      await afterCommit.idle()
      const [warning, ...more] = log.at('warn')
      assert.match(warning?.message ?? '', /watches no client.*`watch`/)
      assert.deepEqual([warning?.fields['task'], more], ['a', []])
      assert.deepEqual(ran, ['a', 'b', 'c'])
    })

    test('and that is what forgetting `watch` looks like: the task runs although its rows are gone', async () => {
      const { base } = watched(db)
      const log = recordingLogger()
      const afterCommit = createAfterCommit({ logger: log })
      const ran: string[] = []
      const transaction = base.$transaction(async (tx) => {
        await insert(tx, 'a')
        afterCommit('a', () => void ran.push('a'))
        throw new Error('no')
      })
      await assert.rejects(transaction, /no/)
      await afterCommit.idle()
      assert.deepEqual([ran, await rowsOf(db), log.at('warn').length], [['a'], [], 1])
    })
  })
})
