import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, test } from 'node:test'
import { forEachDatabase } from '../support/databases.js'
import { sampledStats, start } from '../support/recorders.js'
import { sharedClient } from '../support/watched.js'
import { deferred, until } from '../support/wait.js'

describe("A full pool with overflow 'caller-runs'", () => {
  test('outside a transaction there is nobody to wait: the task is rejected with a record', async () => {
    const { afterCommit, failures } = start({ maxPending: 1, overflow: 'caller-runs' })
    const finish = deferred()
    afterCommit('first', () => finish.promise)
    const second = afterCommit('second', () => assert.fail('it ran'))
    assert.deepEqual(await second.settled, { status: 'rejected', attempts: 0 })
    finish.resolve()
    await afterCommit.idle()
    assert.deepEqual(
      failures.records.map(({ task, status }) => `${task} ${status}`),
      ['second rejected'],
    )
  })

  forEachDatabase((db) => {
    const full = async (options = {}) => {
      const { afterCommit, failures } = start({ maxPending: 1, overflow: 'caller-runs', concurrency: 1, ...options })
      const prisma = afterCommit.watch(sharedClient(db))
      const finish = deferred()
      afterCommit('first', () => finish.promise)
      await until(() => afterCommit.stats().running === 1)
      return { afterCommit, prisma, failures, finish }
    }

    test('the promise of $transaction runs the tasks after its COMMIT, one after the other, and waits for them', async () => {
      const { afterCommit, prisma, finish } = await full()
      const samples = sampledStats(afterCommit)
      const seen: string[] = []
      const result = await prisma.$transaction(async (tx) => {
        for (const name of ['a', 'b']) {
          afterCommit(name, async () => {
            seen.push(`${name} starts ${afterCommit.inTransaction()} ${(await db.query('SELECT 1 AS one')).length}`)
            assert.equal(afterCommit.stats().callerRunning, name === 'a' ? 2 : 1, name)
            seen.push(`${name} ends`)
          })
        }
        return await tx.user.count()
      })
      assert.equal(typeof result, 'number')
      assert.deepEqual(seen, ['a starts false 1', 'a ends', 'b starts false 1', 'b ends'])
      const { pending, running, callerRunning, succeeded } = afterCommit.stats()
      assert.deepEqual(
        { pending, running, callerRunning, succeeded },
        { pending: 1, running: 1, callerRunning: 0, succeeded: 2 },
      )
      assert.equal(Math.max(...samples.map((sample) => sample.pending)), 1, 'the bound holds')
      finish.resolve()
      await afterCommit.idle()
    })

    test('with its retries, and a failure for good leaves the result of the transaction alone', async () => {
      const { afterCommit, prisma, failures, finish } = await full()
      const attempts: number[] = []
      const result = await prisma.$transaction(() => {
        afterCommit('fails', ({ attempt }) => {
          attempts.push(attempt)
          throw new Error('boom')
        })
        return Promise.resolve('result')
      })
      assert.equal(result, 'result')
      assert.deepEqual(attempts, [1, 2, 3])
      finish.resolve()
      await afterCommit.idle()
      assert.deepEqual(
        failures.records.map(({ task, status, attempts: made }) => [task, status, made]),
        [['fails', 'failed', 3]],
      )
    })

    test('in the async context of its registration', async () => {
      const { afterCommit, prisma, finish } = await full()
      const request = new AsyncLocalStorage<string>()
      const seen: unknown[] = []
      await prisma.$transaction(() => {
        request.run('inner', () => afterCommit('task', () => void seen.push(request.getStore())))
        return Promise.resolve()
      })
      assert.deepEqual(seen, ['inner'])
      finish.resolve()
      await afterCommit.idle()
    })

    test('the deadline of close() interrupts it, and then the promise of $transaction resolves', async () => {
      const { afterCommit, prisma, failures, finish } = await full()
      const started = deferred()
      const transaction = prisma.$transaction(() => {
        afterCommit('hangs', ({ signal }) => {
          started.resolve()
          return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))))
        })
        return Promise.resolve('result')
      })
      await started.promise
      const report = await afterCommit.close({ grace: 0 })
      assert.equal(await transaction, 'result')
      assert.equal(report.interrupted, 2)
      assert.equal(report.accepted, 2)
      assert.deepEqual(failures.records.map(({ task, status }) => `${task} ${status}`).toSorted(), [
        'first interrupted',
        'hangs interrupted',
      ])
      finish.resolve()
    })
  })
})
