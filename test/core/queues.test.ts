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

  test('says of each queue what it holds and how much it may', async () => {
    const { afterCommit } = start({ concurrency: 1, maxPending: 9, queues: { sms: { concurrency: 2, maxPending: 4 } } })
    const stuck = deferred()
    const sendSms = defineTask('send-sms', () => stuck.promise, { queue: 'sms' })
    afterCommit.queue('sms').pause()
    for (let i = 0; i < 3; i++) {
      afterCommit(sendSms)
      afterCommit('push', () => stuck.promise)
    }
    await until(() => afterCommit.stats().running === 1)
    const same = { backingOff: 0, reserved: 0, pending: 3 }
    assert.deepEqual(afterCommit.queues(), [
      { ...same, name: 'default', concurrency: 1, maxPending: 9, isPaused: false, waiting: 2, running: 1 },
      { ...same, name: 'sms', concurrency: 2, maxPending: 4, isPaused: true, waiting: 3, running: 0 },
    ])
    stuck.resolve()
    afterCommit.queue('sms').start()
    await afterCommit.idle()
    assert.deepEqual(
      afterCommit.queues().map(({ pending }) => pending),
      [0, 0],
    )
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
    const registered = performance.now()
    for (let i = 0; i < 9; i++) afterCommit(sendSms)
    await afterCommit.idle()
    assert.equal(times.length, 9)
    // The 4th begins in the second interval at the earliest, the 7th in the third; timers may be a little early.
    for (const [index, intervals] of [
      [3, 1],
      [6, 2],
    ] as const) {
      const waited = (times[index] ?? 0) - registered
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
    const registered = performance.now()
    const handle = afterCommit(flaky)
    const cancelled = Array.from({ length: 20 }, () => afterCommit(flaky))
    assert.deepEqual(new Set(cancelled.map((task) => task.cancel())), new Set([true]))
    assert.deepEqual(await handle.settled, { status: 'succeeded', attempts: 2 })
    await afterCommit.idle()
    assert.equal(times.length, 2)
    assert.equal((times[1] ?? 0) - registered >= 25, true)
    assert.equal((await afterCommit(defineTask('after', nothing, { queue: 'sms' })).settled).status, 'succeeded')
  })

  test('a paused queue begins nothing until it is started, and holds up no other', async () => {
    const { afterCommit } = start({ queues: { sms: { concurrency: 2 } } })
    const ran: string[] = []
    const sendSms = defineTask('sms', (n: number) => void ran.push(`sms ${n}`), { queue: 'sms' })
    afterCommit.queue('sms').pause()
    assert.deepEqual([afterCommit.queue('sms').isPaused, afterCommit.queue().isPaused], [true, false])
    for (let n = 1; n <= 3; n++) afterCommit(sendSms, n)
    await afterCommit('push', () => void ran.push('push')).settled
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(ran, ['push'])
    assert.equal(afterCommit.stats().waiting, 3)
    afterCommit.queue('sms').start()
    await afterCommit.idle()
    assert.deepEqual(ran, ['push', 'sms 1', 'sms 2', 'sms 3'])
  })

  test('a task that pauses its own queue is the last one to begin', async () => {
    const { afterCommit } = start({ concurrency: 1 })
    const ran: number[] = []
    for (let n = 0; n < 5; n++) {
      afterCommit(() => {
        ran.push(n)
        if (n === 1) afterCommit.queue().pause()
      })
    }
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(ran, [0, 1])
    const report = await afterCommit.close({ grace: 5 })
    assert.deepEqual([report.succeeded, report.interrupted], [2, 3])
  })

  test('the concurrency can be raised and lowered while tasks run', async () => {
    const { afterCommit } = start({ concurrency: 2 })
    const finish: (() => void)[] = []
    for (let n = 0; n < 20; n++) afterCommit(() => new Promise<void>((resolve) => finish.push(resolve)))
    const running = async (count: number): Promise<void> => {
      await until(() => afterCommit.stats().running === count)
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
      assert.equal(afterCommit.stats().running, count)
    }
    await running(2)
    afterCommit.queue().concurrency = 5
    await running(5)
    afterCommit.queue().concurrency = 1
    for (const end of finish.splice(0, 4)) end()
    await running(1)
    assert.equal(afterCommit.stats().succeeded, 4)
    for (const end of finish.splice(0)) end()
    await running(1)
    assert.equal(afterCommit.stats().succeeded, 5)
    afterCommit.queue().concurrency = 100
    await running(15)
    for (const end of finish.splice(0)) end()
    await afterCommit.idle()
    assert.throws(() => (afterCommit.queue().concurrency = 0), { code: 'ERR_OPTIONS' })
    assert.throws(() => afterCommit.queue('sms'), { code: 'ERR_OPTIONS', message: /queues \(it has none\)/ })
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
