import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import { defineTask, type TaskContext } from '../../src/index.js'
import { holdTimers } from '../support/held-timers.js'
import { next, sampledStats, start, trace } from '../support/recorders.js'
import { deferred, until } from '../support/wait.js'

/** Ends with the signal's reason as soon as it is aborted, as fetch does. */
function heeding({ signal }: TaskContext): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
}

const long = 60_000
const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length

async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setImmediate(resolve))
}

describe('Rule 16: a timed-out attempt has its signal aborted, and frees its slot by the end of `abortGrace`', () => {
  test('gets its signal aborted with a TimeoutError, and is retried when it heeds it', async () => {
    const { afterCommit } = start({ timeout: 10, abortGrace: long, retry: { retries: 1, minTimeout: 0 } })
    const reasons: unknown[] = []
    const task = afterCommit('slow', async (context) => {
      if (context.attempt === 2) return
      context.signal.addEventListener('abort', () => reasons.push(context.signal.reason))
      await heeding(context)
    })
    const retrying = next(afterCommit, 'retrying')
    assert.deepEqual(await task.settled, { status: 'succeeded', attempts: 2 })
    const [reason] = reasons
    assert.ok(reason instanceof Error)
    assert.equal(reason.name, 'TimeoutError')
    assert.match(reason.message, /slow.*10 ms/)
    assert.equal((await retrying).error, reason)
    assert.equal(afterCommit.stats().abandoned, 0)
  })

  test('aborts the fetch that was given its signal', async (t) => {
    const limit = holdTimers(t, 50_000)
    const server = createServer(() => undefined).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const { afterCommit } = start({ timeout: 50_000, abortGrace: long, retry: false })
    const request = once(server, 'request') as Promise<[unknown, ServerResponse]>
    const task = afterCommit('fetch', ({ signal }) => fetch(url, { signal }))
    const [, response] = await request
    const closed = once(response, 'close')
    limit.expire()
    const { status, error } = await task.settled
    assert.equal(status, 'failed')
    assert.equal((error as Error).name, 'TimeoutError')
    await closed
    server.close()
  })

  test('that fails with an error of its own after the signal is a TimeoutError with that as its cause', async () => {
    const { afterCommit } = start({ timeout: 5, abortGrace: long, retry: false })
    const own = new Error('connection reset')
    const { error } = await afterCommit((context) => heeding(context).catch(() => Promise.reject(own))).settled
    assert.equal((error as Error).name, 'TimeoutError')
    assert.equal((error as Error).cause, own)
  })

  test('that ends well within the grace has done its work, and is a success', async () => {
    const { afterCommit } = start({ timeout: 5, abortGrace: long })
    const task = afterCommit((context) => heeding(context).catch(() => 'cleaned up'))
    assert.deepEqual(await task.settled, { status: 'succeeded', attempts: 1 })
  })

  test('keeps its slot until it ends', async () => {
    const { afterCommit } = start({ concurrency: 1, timeout: 5, abortGrace: long, retry: false })
    const aborted = deferred()
    const finish = deferred()
    const slow = afterCommit('slow', async ({ signal }) => {
      signal.addEventListener('abort', () => aborted.resolve())
      await finish.promise
    })
    const second = afterCommit('second', () => undefined)
    await aborted.promise
    assert.equal(slow.state, 'running')
    assert.equal(second.state, 'waiting')
    finish.resolve()
    await second.settled
    assert.equal(slow.state, 'succeeded')
  })

  test('that ignores its signal is abandoned after the grace: listed until it ends, its slot free', async () => {
    const { afterCommit, log } = start({ concurrency: 1, timeout: 5, abortGrace: 5, retry: false })
    const finish = deferred()
    const deaf = afterCommit('deaf', () => finish.promise)
    const second = afterCommit('second', () => undefined)
    const { task, attempt } = await next(afterCommit, 'abandoned')
    assert.equal(task.id, deaf.id)
    assert.equal(attempt, 1)

    const { status, attempts, error } = await deaf.settled
    assert.deepEqual(
      { status, attempts, error: (error as Error).name },
      { status: 'failed', attempts: 1, error: 'TimeoutError' },
    )
    assert.equal((await second.settled).status, 'succeeded')
    await afterCommit.idle()
    assert.equal(afterCommit.stats().abandoned, 1)
    assert.equal(afterCommit.stats().pending, 0)
    assert.equal(log.at('warn').filter((line) => line.fields['taskId'] === deaf.id).length, 1)

    finish.resolve()
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(afterCommit.stats().abandoned, 0)
  })

  for (const [late, settle] of [
    ['success', (finish: PromiseWithHandles) => finish.resolve()],
    ['failure', (finish: PromiseWithHandles) => finish.reject(new Error('much too late'))],
  ] as const) {
    test(`whose late ${late} is ignored: the task failed, with one record`, async () => {
      const { afterCommit, failures } = start({ timeout: 5, abortGrace: 0, retry: false })
      const seen = trace(afterCommit)
      const finish = deferred()
      const task = afterCommit('deaf', () => finish.promise)
      const outcome = await task.settled
      settle(finish)
      await new Promise((resolve) => setImmediate(resolve))
      await afterCommit.idle()
      assert.equal(task.state, 'failed')
      assert.equal(await task.settled, outcome)
      assert.deepEqual(seen, ['accepted deaf', 'started deaf', 'abandoned deaf', 'failed deaf'])
      assert.equal(failures.records.length, 1)
      assert.equal(afterCommit.stats().abandoned, 0)
    })

    test(`whose late ${late} does not disturb the retry that has started meanwhile`, async (t) => {
      const limit = holdTimers(t, 50_000)
      const { afterCommit } = start({ timeout: 50_000, abortGrace: 0, retry: { retries: 1, minTimeout: 0 } })
      const finish = deferred()
      const second = deferred()
      const task = afterCommit('deaf once', ({ attempt }) => (attempt === 1 ? finish.promise : second.promise))
      await until(() => task.state === 'running')
      limit.expire()
      await next(afterCommit, 'retrying')
      await next(afterCommit, 'started')
      settle(finish)
      await new Promise((resolve) => setImmediate(resolve))
      assert.equal(task.state, 'running')
      assert.equal(afterCommit.stats().abandoned, 0)
      second.resolve()
      assert.deepEqual(await task.settled, { status: 'succeeded', attempts: 2 })
    })
  }

  test('that ends late does not keep `close` from aborting the attempt that runs now', async (t) => {
    const limit = holdTimers(t, 50_000)
    const { afterCommit } = start({ abortGrace: 0, retry: { retries: 1, minTimeout: 0 } })
    const finish = deferred()
    const aborted = deferred<unknown>()
    const deafOnce = defineTask(
      'deaf once',
      async (_: void, context) => {
        if (context.attempt === 1) return finish.promise
        context.signal.addEventListener('abort', () => aborted.resolve(context.signal.reason))
        return heeding(context)
      },
      { timeout: 50_000 },
    )
    const task = afterCommit(deafOnce)
    await until(() => task.state === 'running')
    limit.expire()
    await next(afterCommit, 'retrying')
    await next(afterCommit, 'started')
    finish.resolve()
    await new Promise((resolve) => setImmediate(resolve))
    await afterCommit.close({ grace: 0 })
    assert.notEqual(((await aborted.promise) as Error).name, 'TimeoutError')
  })

  test('that ends late does not keep `close` from ending the backoff', async () => {
    const before = timers()
    const { afterCommit } = start({ timeout: 5, abortGrace: 0, retry: { retries: 1, minTimeout: long } })
    const finish = deferred()
    const task = afterCommit('deaf', () => finish.promise)
    await next(afterCommit, 'retrying')
    await until(() => timers() === before + 1)
    finish.resolve()
    await new Promise((resolve) => setImmediate(resolve))
    await afterCommit.close({ grace: 0 })
    assert.equal(task.state, 'interrupted')
    assert.equal(timers(), before, 'the timer of the backoff is gone')
    const { waiting, running, backingOff } = afterCommit.stats()
    assert.deepEqual({ waiting, running, backingOff }, { waiting: 0, running: 0, backingOff: 0 })
  })

  test('running attempts exceed the concurrency only by the abandoned ones', async () => {
    const { afterCommit } = start({ concurrency: 2, timeout: 5, abortGrace: 1, retry: { retries: 1, minTimeout: 0 } })
    const samples = sampledStats(afterCommit)
    const finish = deferred()
    let inside = 0
    let excess = 0
    for (let index = 0; index < 20; index++) {
      afterCommit(`task ${index}`, async (context) => {
        inside++
        excess = Math.max(excess, inside - afterCommit.stats().abandoned)
        await (index % 4 === 0 ? finish.promise : heeding(context)).finally(() => inside--)
      })
    }
    await afterCommit.idle()
    assert.equal(excess, 2)
    assert.ok(samples.every((sample) => sample.running <= 2))
    assert.equal(afterCommit.stats().abandoned, 10, 'two attempts of each of the five deaf tasks')
    finish.resolve()
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(afterCommit.stats().abandoned, 0)
  })

  test('the limit can be set per task, and be taken away', async (t) => {
    const { afterCommit } = start({ timeout: 60_000, retry: false })
    const short = defineTask('short', (_: void, context) => heeding(context), { timeout: 5 })
    const { error } = await afterCommit(short).settled
    assert.match((error as Error).message, /5 ms/)

    const timer = t.mock.method(globalThis, 'setTimeout')
    await afterCommit(defineTask('endless', () => Promise.resolve(), { timeout: Infinity })).settled
    assert.equal(timer.mock.callCount(), 0)
    await afterCommit('synchronous', () => undefined).settled
    assert.equal(timer.mock.callCount(), 0)
    await afterCommit('ends before the event loop has had a turn', () => Promise.resolve()).settled
    await turns(2)
    assert.equal(timer.mock.callCount(), 0)
    await afterCommit('asynchronous', () => turns(2)).settled
    assert.equal(timer.mock.callCount(), 1)
    const [delay = 0] = timer.mock.calls.map((call) => call.arguments[1])
    assert.ok(delay > 59_000 && delay <= 60_000, `a timer of ${delay} ms`)
  })

  test('the timeout and the grace after it cost a timer each', async (t) => {
    const { afterCommit } = start({ timeout: 5, abortGrace: 5, retry: false })
    const timer = t.mock.method(globalThis, 'setTimeout')
    const { promise } = deferred()
    assert.equal((await afterCommit(() => promise).settled).status, 'failed')
    await turns(2)
    assert.equal(timer.mock.callCount(), 2)
  })

  test('the timer that an attempt takes over from the one before it is due in time, whichever is shorter', async (t) => {
    const { afterCommit } = start({ concurrency: 1, retry: false })
    const before = timers()
    const timer = t.mock.method(globalThis, 'setTimeout')
    for (const timeout of [900, 60_000, 60_000]) afterCommit(defineTask('quick', () => Promise.resolve(), { timeout }))
    const short = afterCommit(defineTask('short', (_: void, context) => heeding(context), { timeout: 30 }))
    const { error } = await short.settled
    assert.match((error as Error).message, /30 ms/)
    const delays = timer.mock.calls.map((call) => call.arguments[1] as number)
    assert.deepEqual(
      delays.filter((delay) => delay > 1_000),
      [],
      'those of 60 s have taken over the one of 900 ms',
    )
    assert.equal(timers(), before)
  })

  test('lines of an abandoned attempt carry the number of that attempt', async () => {
    const { afterCommit, log } = start({ timeout: 5, abortGrace: 0, retry: { retries: 1, minTimeout: 0 } })
    const finish = deferred()
    const task = afterCommit('deaf once', async (context) => {
      if (context.attempt === 2) return
      await finish.promise
      context.log.info({}, 'much too late')
    })
    await task.settled
    finish.resolve()
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(log.at('info')[0]?.fields['attempt'], 1)
  })
})

type PromiseWithHandles = ReturnType<typeof deferred<void>>
