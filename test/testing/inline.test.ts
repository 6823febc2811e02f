// inline(afterCommit): the promise of `$transaction` waits for the tasks of its commit.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createAfterCommit } from '../../src/index.js'
import { inline } from '../../src/testing/index.js'
import { forEachDatabase } from '../support/databases.js'
import { next, recordingFailureLog, recordingLogger } from '../support/recorders.js'
import { deferred } from '../support/wait.js'
import { rowsOf, watched } from '../support/watched.js'

forEachDatabase((db) => {
  test('has run the tasks in order when the promise of $transaction resolves', async () => {
    await db.reset()
    const { prisma, both, task, afterCommit, ran } = watched(db)
    using _ = inline(afterCommit)
    const result = await prisma.$transaction(async (tx) => {
      await both(tx, 'a')
      afterCommit('slow', async () => {
        assert.deepEqual(await rowsOf(db), ['a', 'b'], 'another connection sees the rows')
        task('by a task')
        ran.push('slow')
      })
      await tx.$transaction((nested) => both(nested, 'b'))
      assert.deepEqual(ran, [])
      return 'result'
    })
    assert.equal(result, 'result')
    assert.deepEqual(ran, ['a', 'slow', 'b', 'by a task'])
  })

  test('runs nothing of a rollback, whose error it leaves alone', async () => {
    await db.reset()
    const { prisma, both, afterCommit, outcome } = watched(db)
    using _ = inline(afterCommit)
    const error = new Error('no')
    const failing = prisma.$transaction(async (tx) => {
      await both(tx, 'a')
      throw error
    })
    await assert.rejects(failing, (thrown) => thrown === error)
    assert.deepEqual(await outcome(), { ran: [], rows: [] })
  })

  test('rejects the promise of $transaction with what a task threw, although the rows are stored', async () => {
    await db.reset()
    const failureLog = recordingFailureLog()
    const { prisma, both, task, afterCommit, outcome } = watched(db, {
      failureLog,
      retry: { retries: 3, minTimeout: 60_000 },
    })
    using _ = inline(afterCommit)
    const error = new Error('push is down')
    let rolledBack = false
    const over = deferred()
    let late: Promise<unknown> | undefined
    const failing = prisma.$transaction(async (tx) => {
      afterCommit.onRollback(() => {
        rolledBack = true
      })
      late = over.promise.then(() => task('late'))
      afterCommit('push', () => Promise.reject(error))
      await both(tx, 'a')
    })
    await assert.rejects(failing, (thrown) => thrown === error)
    assert.deepEqual(await outcome(), { ran: ['a'], rows: ['a'] })
    assert.equal(rolledBack, false)
    over.resolve()
    await late
    assert.deepEqual((await outcome()).ran, ['a', 'late'], 'the transaction counts as committed')
    assert.deepEqual(failureLog.records, [])
  })

  test('waits for a transaction of a task, and for the tasks of that', async () => {
    await db.reset()
    const { prisma, both, afterCommit, ran } = watched(db)
    using _ = inline(afterCommit)
    await prisma.$transaction(async (tx) => {
      afterCommit('opens', async () => {
        await prisma.$transaction((own) => both(own, 'inner'))
        assert.deepEqual(ran, ['inner'])
      })
      await both(tx, 'outer')
    })
    assert.deepEqual(ran, ['inner', 'outer'])
    assert.deepEqual(await rowsOf(db), ['outer', 'inner'])
  })

  test('lets tasks run as usual once it is restored', async () => {
    await db.reset()
    const { prisma, both, afterCommit, ran, outcome } = watched(db)
    inline(afterCommit).restore()
    const held = deferred()
    await prisma.$transaction(async (tx) => {
      afterCommit('waits', () => held.promise)
      await both(tx, 'a')
    })
    assert.equal(afterCommit.stats().pending > 0, true, 'nobody has waited for it')
    held.resolve()
    assert.deepEqual(await outcome(), { ran, rows: ['a'] })
  })
})

describe('inline, without a transaction', () => {
  test('runs a task after whoever registered it, and idle() waits for it', async () => {
    const afterCommit = createAfterCommit({ logger: recordingLogger() })
    using tasks = inline(afterCommit)
    const ran: string[] = []
    afterCommit('a', async () => {
      await Promise.resolve()
      ran.push('a')
      afterCommit('c', () => void ran.push('c'))
    })
    afterCommit('b', () => void ran.push('b'))
    assert.deepEqual(ran, [])
    await tasks.idle()
    assert.deepEqual(ran, ['a', 'b', 'c'])
  })

  test('keeps what a task threw for idle(), and for restore() where nobody asks', async () => {
    const afterCommit = createAfterCommit({ logger: recordingLogger() })
    const tasks = inline(afterCommit)
    const error = new Error('push is down')
    afterCommit('a', () => Promise.reject(error))
    await assert.rejects(tasks.idle(), (thrown) => thrown === error)
    await tasks.idle()

    const failed = next(afterCommit, 'failed')
    afterCommit('b', () => Promise.reject(error))
    await failed
    await afterCommit.idle()
    assert.throws(
      () => tasks.restore(),
      (thrown) => thrown === error,
    )
    tasks.restore()
  })

  test('lets afterCommit.idle() wait, and counts each task once', async () => {
    const afterCommit = createAfterCommit({ logger: recordingLogger() })
    using _ = inline(afterCommit)
    const held = deferred()
    const handle = afterCommit('a', () => held.promise)
    await next(afterCommit, 'started')
    const { accepted, pending, callerRunning } = afterCommit.stats()
    assert.deepEqual({ accepted, pending, callerRunning }, { accepted: 1, pending: 0, callerRunning: 1 })
    const idle = afterCommit.idle()
    held.resolve()
    await idle
    assert.deepEqual(await handle.settled, { status: 'succeeded', attempts: 1 })
    assert.equal(afterCommit.stats().succeeded, 1)
  })

  test('runs no task that was cancelled in time', async () => {
    const afterCommit = createAfterCommit({ logger: recordingLogger() })
    using tasks = inline(afterCommit)
    let ran = false
    const handle = afterCommit('a', () => {
      ran = true
    })
    assert.equal(handle.cancel(), true)
    await tasks.idle()
    assert.equal(ran, false)
    assert.equal(handle.state, 'cancelled')
  })

  test('gives the task the context that it has in the pool', async () => {
    const log = recordingLogger()
    const afterCommit = createAfterCommit({ logger: log, requestId: () => 'request 1', timeout: 1 })
    using tasks = inline(afterCommit)
    const handle = afterCommit('a', ({ id, name, attempt, signal, log: own }) => {
      own.info({ id, attempt, aborted: signal.aborted }, name)
      assert.equal(afterCommit.inTransaction(), false)
    })
    await tasks.idle()
    assert.deepEqual(log.at('info'), [
      {
        level: 'info',
        fields: { taskId: handle.id, task: 'a', attempt: 1, requestId: 'request 1', id: handle.id, aborted: false },
        message: 'a',
      },
    ])
  })
})
