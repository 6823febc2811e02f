import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defineTask } from '../../src/index.js'
import { sampledStats, start } from '../support/recorders.js'
import { deferred, until } from '../support/wait.js'

const nothing = (): void => undefined

describe('Queues', () => {
  test('a slow provider in one queue does not hold up another', async () => {
    const { afterCommit } = start({ concurrency: 1, queues: { sms: { concurrency: 2 } } })
    const stuck = deferred()
    let running = 0
    const sendSms = defineTask('send-sms', () => (running++, stuck.promise), { queue: 'sms' })
    const slow = Array.from({ length: 50 }, () => afterCommit(sendSms))
    for (let i = 0; i < 20; i++) assert.equal((await afterCommit(`push ${i}`, nothing).settled).status, 'succeeded')
    assert.equal(running, 2, 'the concurrency of the queue')
    assert.equal(afterCommit.stats().pending, 50)
    stuck.resolve()
    await afterCommit.idle()
    assert.deepEqual(new Set(slow.map(({ state }) => state)), new Set(['succeeded']))
  })

  test('each queue has a bound of its own', async () => {
    const { afterCommit, failures } = start({ maxPending: 3, queues: { sms: { maxPending: 1 } } })
    const stuck = deferred()
    const sendSms = defineTask('send-sms', () => stuck.promise, { queue: 'sms' })
    const handles = [afterCommit(sendSms), afterCommit(sendSms)]
    const others = ['a', 'b', 'c', 'd'].map((name) => afterCommit(name, () => stuck.promise))
    assert.deepEqual(
      [...handles, ...others].map(({ state }) => state),
      ['waiting', 'rejected', 'waiting', 'waiting', 'waiting', 'rejected'],
    )
    stuck.resolve()
    await afterCommit.idle()
    assert.equal(failures.records.length, 2)
  })

  test('numbers are sums over all queues, and close() drains and interrupts all of them', async () => {
    const { afterCommit, failures } = start({ concurrency: 1, queues: { sms: { concurrency: 1 } } })
    const samples = sampledStats(afterCommit)
    const stuck = deferred()
    const sendSms = defineTask('send-sms', () => stuck.promise, { queue: 'sms' })
    for (let i = 0; i < 3; i++) {
      afterCommit(sendSms)
      afterCommit('push', () => stuck.promise)
    }
    await until(() => afterCommit.stats().running === 2)
    const { pending, running, waiting } = afterCommit.stats()
    assert.deepEqual({ pending, running, waiting }, { pending: 6, running: 2, waiting: 4 })
    const report = await afterCommit.close({ grace: 0 })
    assert.deepEqual([report.accepted, report.interrupted, report.pending], [6, 6, 0])
    assert.equal(failures.records.length, 6)
    assert.deepEqual(
      samples.filter((sample) => sample.waiting + sample.running + sample.backingOff !== sample.pending),
      [],
    )
    stuck.resolve()
  })

  test('intervalCap attempts begin in each interval, and no more', async () => {
    const { afterCommit } = start({ queues: { sms: { concurrency: 10, intervalCap: 3, interval: 100 } } })
    const times: number[] = []
    const sendSms = defineTask('send-sms', () => void times.push(performance.now()), { queue: 'sms' })
    for (let i = 0; i < 9; i++) afterCommit(sendSms)
    await afterCommit.idle()
    assert.equal(times.length, 9)
    // The 4th begins in the second interval at the earliest, the 7th in the third; timers may be a little early.
    for (const [index, intervals] of [
      [3, 1],
      [6, 2],
    ] as const) {
      const waited = (times[index] ?? 0) - (times[0] ?? 0)
      assert.equal(waited >= intervals * 100 - 10, true, `attempt ${index + 1} began after ${waited} ms`)
    }
  })

  test('a retry in a queue with a rate limit counts as an attempt, and cancelled tasks leave no work behind', async () => {
    const { afterCommit } = start({ queues: { sms: { concurrency: 1, intervalCap: 1, interval: 30 } } })
    const times: number[] = []
    const flaky = defineTask(
      'flaky',
      (_payload: void, { attempt }) => {
        times.push(performance.now())
        if (attempt === 1) throw new Error('boom')
      },
      { queue: 'sms' },
    )
    const handle = afterCommit(flaky)
    const cancelled = Array.from({ length: 20 }, () => afterCommit(flaky))
    assert.deepEqual(new Set(cancelled.map((task) => task.cancel())), new Set([true]))
    assert.deepEqual(await handle.settled, { status: 'succeeded', attempts: 2 })
    await afterCommit.idle()
    assert.equal(times.length, 2)
    assert.equal((times[1] ?? 0) - (times[0] ?? 0) >= 20, true)
    assert.equal((await afterCommit(defineTask('after', nothing, { queue: 'sms' })).settled).status, 'succeeded')
  })

  test('a task that names a queue that the instance does not have is an error that names those it has', () => {
    const { afterCommit } = start({ queues: { sms: {}, mail: {} } })
    const lost = defineTask('lost', nothing, { queue: 'smss' })
    assert.throws(() => afterCommit(lost), {
      code: 'ERR_OPTIONS',
      message: "Expected `queue` to be one of the instance's queues (sms, mail), got `smss` (string)",
    })
    assert.throws(() => start({ tasks: [lost] }), /queues \(it has none\)/)
  })

  test('wrong options of a queue are errors that name them', () => {
    assert.throws(
      () => start({ queues: { sms: { concurrency: 0 } } }),
      /Expected `queues\.sms\.concurrency` to be an integer from 1/,
    )
    assert.throws(() => start({ queues: { sms: { intervalCap: 1 } } }), /both of intervalCap and interval/)
    const wrong: object = { queues: { sms: { concurency: 1 } } }
    assert.throws(
      () => start(wrong),
      /Unknown option `queues\.sms\.concurency`. Did you mean `queues\.sms\.concurrency`/,
    )
    const none: object = { queues: { sms: 7 } }
    assert.throws(() => start(none), /Expected `queues\.sms` to be an object, got `7` \(number\)/)
  })
})
