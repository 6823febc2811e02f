import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PrismaClient } from '../../prisma/client/sqlite/client.js'
import { defineTask, type Stats } from '../../src/index.js'
import { fakeClient } from '../../src/testing/index.js'
import { forEachDatabase } from '../support/databases.js'
import { failureLogThat, next, sampledStats, start } from '../support/recorders.js'
import { deferred, until } from '../support/wait.js'

const boom = () => Promise.reject(new Error('boom'))
const nothing = () => undefined

/** Every accepted task is in exactly one of these. */
function balance(stats: Stats): void {
  const { succeeded, failed, rejected, dropped, interrupted, cancelled, pending } = stats
  assert.equal(stats.accepted, succeeded + failed + rejected + dropped + interrupted + cancelled + pending)
  assert.equal(stats.pending, stats.waiting + stats.running + stats.backingOff)
}

describe('Statistics', () => {
  test('a new instance has done nothing', () => {
    const stats = start().afterCommit.stats()
    assert.deepEqual([...new Set(Object.values(stats))], [0])
    assert.deepEqual(Object.keys(stats).toSorted(), [
      'abandoned',
      'accepted',
      'backingOff',
      'callerRunning',
      'cancelled',
      'discarded',
      'dropped',
      'failed',
      'interrupted',
      'oldestPendingMs',
      'pending',
      'rejected',
      'reserved',
      'retried',
      'running',
      'saturation',
      'stored',
      'succeeded',
      'unknown',
      'waiting',
    ])
  })

  test('saturation is the taken share of `maxPending`, places kept for open transactions included, in the fullest queue', async () => {
    const { afterCommit } = start({ maxPending: 10, queues: { sms: { maxPending: 4 } }, overflow: 'refuse' })
    const prisma = afterCommit.watch(fakeClient<PrismaClient>().client)
    const [go, registered] = [deferred(), deferred()]
    const wait = () => go.promise
    const sms = defineTask('sms', wait, { queue: 'sms' })
    for (let n = 0; n < 2; n++) afterCommit('wait', wait)
    assert.equal(afterCommit.stats().saturation, 0.2)
    const transaction = prisma.$transaction(async () => {
      afterCommit(sms)
      assert.equal(afterCommit.stats().saturation, 0.25)
      for (let n = 0; n < 3; n++) afterCommit(sms)
      assert.equal(afterCommit.stats().saturation, 1)
      registered.resolve()
      await go.promise
    })
    await registered.promise
    assert.equal(afterCommit.stats().reserved, 4)
    go.resolve()
    await transaction
    await afterCommit.idle()
    assert.equal(afterCommit.stats().saturation, 0)
  })

  test('they are a plain snapshot, fit for JSON', async () => {
    const { afterCommit } = start()
    const before = afterCommit.stats()
    await afterCommit(nothing).settled
    assert.equal(before.succeeded, 0)
    assert.deepEqual(JSON.parse(JSON.stringify(afterCommit.stats())), afterCommit.stats())
  })

  test('every accepted task is counted once, at every event', async () => {
    const { afterCommit } = start({ concurrency: 2, maxPending: 10, retry: { retries: 1, minTimeout: 0 } })
    const samples = sampledStats(afterCommit)
    for (let n = 0; n < 14; n++) {
      const task = afterCommit(`task ${n}`, n % 3 === 0 ? boom : nothing)
      if (n % 4 === 3) task.cancel()
    }
    await afterCommit.idle()
    afterCommit('hangs', () => deferred().promise)
    await next(afterCommit, 'started')
    const report = await afterCommit.close({ grace: 0 })
    for (const sample of samples) {
      const { pending, waiting, running, backingOff } = sample
      assert.equal(pending, waiting + running + backingOff)
    }
    balance(report)
    assert.equal(report.pending, 0)
    assert.equal(report.interrupted, 1)
    assert.ok(report.failed > 0 && report.cancelled > 0 && report.rejected > 0 && report.succeeded > 0)
  })

  test('gauges say what is waiting, running and backing off', async () => {
    const { afterCommit } = start({ concurrency: 1, retry: { minTimeout: 60_000 } })
    const finish = deferred()
    const first = next(afterCommit, 'retrying')
    afterCommit('backs off', boom)
    await first
    const started = next(afterCommit, 'started')
    afterCommit('runs', () => finish.promise)
    afterCommit('waits', nothing)
    afterCommit('waits as well', nothing)
    await started
    const { pending, waiting, running, backingOff } = afterCommit.stats()
    assert.deepEqual({ pending, waiting, running, backingOff }, { pending: 4, waiting: 2, running: 1, backingOff: 1 })
    finish.resolve()
    await afterCommit.close({ grace: 0 })
  })

  test('the age is that of the oldest pending task, by its registration', async () => {
    const { afterCommit } = start()
    assert.equal(afterCommit.stats().oldestPendingMs, 0)
    const finish = deferred()
    const task = afterCommit(() => finish.promise)
    const age = await until(() => afterCommit.stats().oldestPendingMs >= 20 && afterCommit.stats().oldestPendingMs)
    assert.ok(age <= Date.now() - task.registeredAt.getTime())
    finish.resolve()
    await task.settled
    assert.equal(afterCommit.stats().oldestPendingMs, 0)
  })

  forEachDatabase((db) => {
    test('the age counts from the commit: until then the task is not pending', async (t) => {
      const { afterCommit } = start({ concurrency: 1 })
      const prisma = afterCommit.watch(db.newClient())
      const finish = deferred()
      t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
      await prisma.$transaction(async (tx) => {
        afterCommit('held', () => finish.promise)
        t.mock.timers.tick(1_000)
        assert.equal(afterCommit.stats().oldestPendingMs, 0)
        await tx.user.count()
      })
      t.mock.timers.tick(5)
      assert.equal(afterCommit.stats().oldestPendingMs, 5)
      finish.resolve()
      await afterCommit.idle()
    })

    test('discarded tasks are counted, and were never accepted', async () => {
      const { afterCommit } = start()
      const prisma = afterCommit.watch(db.newClient())
      const transaction = prisma.$transaction(() => {
        afterCommit('a', nothing)
        afterCommit('b', nothing)
        throw new Error('rolled back')
      })
      await assert.rejects(transaction)
      const { accepted, discarded, pending } = afterCommit.stats()
      assert.deepEqual({ accepted, discarded, pending }, { accepted: 0, discarded: 2, pending: 0 })
    })
  })
})

describe('idle()', () => {
  test('resolves at once when nothing is pending', async () => {
    await start().afterCommit.idle()
  })

  test('waits for tasks that wait, run and back off, and for their failure rows', async () => {
    const rows = deferred()
    const written: string[] = []
    const { afterCommit } = start({
      concurrency: 1,
      retry: { retries: 1, minTimeout: 20 },
      failureLog: failureLogThat({
        async write(records) {
          await rows.promise
          written.push(...records.map((record) => record.task))
        },
      }),
    })
    let idle = false
    const fails = afterCommit('fails', boom)
    const waits = afterCommit('waits', nothing)
    const idled = afterCommit.idle().then(() => (idle = true))
    await Promise.all([fails.settled, waits.settled])
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(idle, false)
    rows.resolve()
    await idled
    assert.deepEqual(written, ['fails'])
  })

  test('may be awaited by many, and again', async () => {
    const { afterCommit } = start()
    const finish = deferred()
    afterCommit(() => finish.promise)
    const all = Promise.all([afterCommit.idle(), afterCommit.idle(), afterCommit.idle()])
    finish.resolve()
    await all
    const second = afterCommit(nothing)
    await afterCommit.idle()
    assert.equal(second.state, 'succeeded')
  })
})
