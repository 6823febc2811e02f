import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defineTask, type FailureRecord, prismaFailureLog, type Stats, type TaskHandle } from '../../src/index.js'
import { forEachDatabase } from '../support/databases.js'
import { nestedIn } from '../support/prisma-version.js'
import { next, start, trace } from '../support/recorders.js'
import { deferred, until } from '../support/wait.js'

const nothing = () => undefined
const boom = () => Promise.reject(new Error('boom'))
const closed = { code: 'ERR_CLOSED', message: /`late` was refused.*close\(\)/ }

const kept = (record: FailureRecord) => `${record.task} ${record.status} ${record.attempts} ${record.id}`

/** The report counts every task once. */
function balance(report: Stats): void {
  const { accepted, succeeded, failed, rejected, dropped, interrupted, cancelled, pending } = report
  assert.equal(pending, 0)
  assert.equal(accepted, succeeded + failed + rejected + dropped + interrupted + cancelled)
}

describe('close()', () => {
  test('resolves at once where nothing is pending, with a report', async () => {
    const { afterCommit } = start()
    await afterCommit(nothing).settled
    const report = await afterCommit.close()
    assert.equal(report.succeeded, 1)
    balance(report)
  })

  test('waits for what is pending, retries included, within the grace', async () => {
    const { afterCommit } = start({ concurrency: 1, retry: { retries: 1, minTimeout: 5 } })
    const tasks = [
      afterCommit('fails once', ({ attempt }) => (attempt === 1 ? boom() : undefined)),
      afterCommit('fails', boom),
      afterCommit('waits', nothing),
    ]
    const report = await afterCommit.close({ grace: 30_000 })
    assert.deepEqual(
      tasks.map((task) => task.state),
      ['succeeded', 'failed', 'succeeded'],
    )
    assert.equal(report.interrupted, 0)
    balance(report)
  })

  test('a second call returns the same promise, and the first grace counts', async () => {
    const { afterCommit } = start()
    afterCommit(() => deferred().promise)
    const first = afterCommit.close({ grace: 20 })
    assert.equal(afterCommit.close({ grace: 60_000 }), first)
    assert.equal(afterCommit.close(), first)
    const report = await first
    assert.equal(report.interrupted, 1)
    assert.equal(await afterCommit.close(), report)
  })

  test('at the deadline running attempts get their signal aborted, and all that is unfinished is interrupted', async () => {
    const { afterCommit, failures } = start({ concurrency: 1, retry: { retries: 3, minTimeout: 60_000 } })
    const aborted = deferred<unknown>()
    const backsOff = next(afterCommit, 'retrying')
    const tasks = [afterCommit('backs off', boom)]
    await backsOff
    const started = next(afterCommit, 'started')
    tasks.push(
      afterCommit('runs', ({ signal }) => {
        signal.addEventListener('abort', () => aborted.resolve(signal.reason))
        return deferred().promise
      }),
      afterCommit('waits', nothing),
    )
    await started
    const report = await afterCommit.close({ grace: 10 })
    assert.ok((await aborted.promise) instanceof Error)
    assert.deepEqual(
      tasks.map((task) => [task.state, task.attempts]),
      [
        ['interrupted', 1],
        ['interrupted', 1],
        ['interrupted', 0],
      ],
    )
    assert.deepEqual(
      failures.records.map(kept).toSorted(),
      tasks.map((task) => `${task.name} interrupted ${task.attempts} ${task.id}`).toSorted(),
    )
    assert.equal(report.interrupted, 3)
    balance(report)
    const { waiting, running, backingOff } = afterCommit.stats()
    assert.deepEqual({ waiting, running, backingOff }, { waiting: 0, running: 0, backingOff: 0 })
  })

  test('what an interrupted attempt still does is ignored', async () => {
    const { afterCommit, failures } = start()
    const seen = trace(afterCommit)
    const finish = deferred()
    const fail = deferred()
    afterCommit('late success', () => finish.promise)
    afterCommit('late failure', () => fail.promise)
    await until(() => afterCommit.stats().running === 2)
    await afterCommit.close({ grace: 0 })
    const before = [...seen]
    finish.resolve()
    fail.reject(new Error('late'))
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(seen, before)
    assert.equal(failures.records.length, 2)
    assert.equal(afterCommit.stats().interrupted, 2)
  })

  test('running tasks may register until the deadline, everybody else gets a ClosedError', async () => {
    const { afterCommit } = start()
    const go = deferred()
    const inner = deferred<TaskHandle>()
    afterCommit('runs', async () => {
      await go.promise
      inner.resolve(afterCommit('registered by a task', nothing))
    })
    await next(afterCommit, 'started')
    const closing = afterCommit.close({ grace: 30_000 })
    assert.throws(() => afterCommit('late', nothing), closed)
    go.resolve()
    assert.equal((await (await inner.promise).settled).status, 'succeeded')
    balance(await closing)
    assert.throws(() => afterCommit('late', nothing), closed)
    assert.throws(() => afterCommit(defineTask('late', nothing)), closed)
  })

  test('a task that runs on past the deadline cannot register any more', async () => {
    const { afterCommit } = start()
    const go = deferred()
    const answer = deferred<unknown>()
    afterCommit('runs on', async () => {
      await go.promise
      try {
        afterCommit('late', nothing)
      } catch (error) {
        answer.resolve(error)
      }
    })
    await next(afterCommit, 'started')
    await afterCommit.close({ grace: 0 })
    go.resolve()
    assert.equal(((await answer.promise) as { code?: string }).code, 'ERR_CLOSED')
  })

  test('an abandoned attempt is not waited for', async () => {
    const { afterCommit } = start({ timeout: 5, abortGrace: 0, retry: false })
    afterCommit('deaf', () => deferred().promise)
    await next(afterCommit, 'abandoned')
    const report = await afterCommit.close({ grace: 60_000 })
    assert.deepEqual([report.failed, report.interrupted, report.abandoned], [1, 0, 1])
  })

  test('a task may close the pool that it runs in', async () => {
    const { afterCommit } = start()
    let report: Promise<Stats> | undefined
    const task = afterCommit('closes', () => {
      report = afterCommit.close()
    })
    assert.equal((await task.settled).status, 'succeeded')
    assert.equal((await report)?.succeeded, 1)
  })

  for (const grace of [-1, Number.NaN, Infinity, 2 ** 31, '10s', null]) {
    test(`refuses the grace ${String(grace)}, and stays open`, async () => {
      const { afterCommit } = start()
      assert.throws(() => afterCommit.close({ grace: grace as number }), { code: 'ERR_OPTIONS', message: /`grace`/ })
      assert.equal((await afterCommit(nothing).settled).status, 'succeeded')
    })
  }

  forEachDatabase((db) => {
    test('an open transaction may go on registering, and its tasks run', async () => {
      await db.reset()
      const { afterCommit } = start()
      const prisma = afterCommit.watch(db.newClient())
      const opened = deferred()
      const go = deferred()
      const transaction = prisma.$transaction(async (tx) => {
        opened.resolve()
        await go.promise
        await tx.user.create({ data: { email: 'a@example.org', name: 'Ada' } })
        return afterCommit('in time', nothing)
      })
      await opened.promise
      const closing = afterCommit.close({ grace: 30_000 })
      go.resolve()
      assert.equal((await (await transaction).settled).status, 'succeeded')
      const report = await closing
      assert.equal(report.succeeded, 1)
      balance(report)
      assert.deepEqual(await db.query('SELECT "name" FROM "User"'), [{ name: 'Ada' }])
    })

    test('a transaction that begins after the call may not register, and goes its own way', async () => {
      await db.reset()
      const { afterCommit } = start()
      const prisma = afterCommit.watch(db.newClient())
      const go = deferred()
      afterCommit('keeps the pool open', () => go.promise)
      await next(afterCommit, 'started')
      const closing = afterCommit.close({ grace: 30_000 })
      await prisma.$transaction(async (tx) => {
        await tx.user.create({ data: { email: 'a@example.org', name: 'Ada' } })
        assert.throws(() => afterCommit('late', nothing), closed)
        assert.throws(() => afterCommit.for(tx)('late', nothing), closed)
      })
      await assert.rejects(
        prisma.$transaction(async (tx) => {
          await tx.user.create({ data: { email: 'b@example.org', name: 'Bob' } })
          await nestedIn(tx, () => Promise.resolve(afterCommit('late', nothing)))
        }),
        closed,
      )
      go.resolve()
      const report = await closing
      assert.equal(report.accepted, 1)
      balance(report)
      assert.deepEqual(await db.query('SELECT "name" FROM "User"'), [{ name: 'Ada' }])
    })

    test('an open transaction that registers nothing is waited for as well, because it may', async () => {
      const { afterCommit } = start()
      const prisma = afterCommit.watch(db.newClient())
      const opened = deferred()
      const go = deferred()
      const order: string[] = []
      const transaction = prisma
        .$transaction(async () => {
          opened.resolve()
          await go.promise
        })
        .then(() => order.push('transaction'))
      await opened.promise
      const closing = afterCommit.close({ grace: 30_000 }).then(() => order.push('closed'))
      go.resolve()
      await Promise.all([transaction, closing])
      assert.deepEqual(order, ['transaction', 'closed'])
    })

    test('the tasks of a transaction that commits only after the deadline are interrupted, with a row', async () => {
      await db.reset()
      const client = db.newClient()
      const { afterCommit } = start({ failureLog: prismaFailureLog(() => client) })
      const prisma = afterCommit.watch(client)
      const opened = deferred()
      const go = deferred()
      const pay = defineTask('pay', (_payload: { amount: number }) => assert.fail('it ran'))
      const transaction = prisma.$transaction(async (tx) => {
        const task = afterCommit(pay, { amount: 7 })
        opened.resolve()
        await go.promise
        assert.throws(() => afterCommit('late', nothing), closed)
        await tx.user.create({ data: { email: 'a@example.org', name: 'Ada' } })
        return task
      })
      await opened.promise
      balance(await afterCommit.close({ grace: 5 }))
      go.resolve()
      const task = await transaction
      assert.deepEqual(await task.settled, { status: 'interrupted', attempts: 0 })
      await afterCommit.idle()
      assert.deepEqual(await db.query('SELECT "id", "status", "payload" FROM "TaskFailure"'), [
        { id: task.id, status: 'interrupted', payload: '{"amount":7}' },
      ])
      assert.deepEqual(await db.query('SELECT "name" FROM "User"'), [{ name: 'Ada' }])
      balance(afterCommit.stats())
    })

    test('a task may open a transaction of its own after the call, and register in it', async () => {
      const { afterCommit } = start()
      const prisma = afterCommit.watch(db.newClient())
      const go = deferred()
      const ran: string[] = []
      afterCommit('runs', async () => {
        await go.promise
        await prisma.$transaction(async (tx) => {
          await tx.user.count()
          afterCommit('inner', () => ran.push('inner'))
        })
      })
      await next(afterCommit, 'started')
      const closing = afterCommit.close({ grace: 30_000 })
      go.resolve()
      balance(await closing)
      assert.deepEqual(ran, ['inner'])
    })
  })
})
