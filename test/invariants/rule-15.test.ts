import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import type * as pRetryModule from 'p-retry'
import { AbortError, defineTask, type RetryOptions } from '../../src/index.js'
import { next, sampledStats, start, trace } from '../support/recorders.js'
import { deferred } from '../support/wait.js'

/** A second instance of the module, as another version of p-retry in `node_modules` would be. */
const otherCopy = (await import(`${import.meta.resolve('p-retry')}?copy`)) as typeof pRetryModule

const fails = () => Promise.reject(new Error('boom'))

/** The pauses that p-retry asked of the clock, which are not waited for here. */
async function pauses(t: TestContext, instance: RetryOptions, own: RetryOptions = {}): Promise<number[]> {
  const asked: number[] = []
  t.mock.method(globalThis, 'setTimeout', (run: () => void, pause: number) => {
    asked.push(pause)
    return setImmediate(run)
  })
  const { afterCommit } = start({ timeout: Infinity, retry: instance })
  const { settled } = afterCommit(defineTask('fails', fails, { retry: own }))
  await settled
  t.mock.reset()
  return asked
}

describe('Rule 15: a failed attempt is retried after a backoff', () => {
  test('an attempt that succeeds in the end is one success', async () => {
    const { afterCommit, failures } = start({ retry: { retries: 3, minTimeout: 0 } })
    const seen = trace(afterCommit)
    const attempts: number[] = []
    const task = afterCommit('third time', ({ attempt }) => {
      attempts.push(attempt)
      if (attempt < 3) throw new Error('not yet')
    })
    assert.deepEqual(await task.settled, { status: 'succeeded', attempts: 3 })
    assert.deepEqual(attempts, [1, 2, 3])
    assert.deepEqual(
      seen.map((line) => line.split(' ')[0]),
      ['accepted', 'started', 'retrying', 'started', 'retrying', 'started', 'succeeded'],
    )
    assert.deepEqual(failures.records, [])
    const { succeeded, failed, retried } = afterCommit.stats()
    assert.deepEqual({ succeeded, failed, retried }, { succeeded: 1, failed: 0, retried: 2 })
  })

  test('the outcome carries the error of the last attempt, and `retrying` the one of each before', async () => {
    const { afterCommit } = start({ retry: { retries: 2, minTimeout: 0 } })
    const errors = [new Error('1'), new Error('2'), new Error('3')]
    const retried: unknown[] = []
    afterCommit.on('retrying', ({ attempt, error, retriesLeft }) => retried.push({ attempt, error, retriesLeft }))
    const outcome = await afterCommit(({ attempt }) => Promise.reject(errors[attempt - 1])).settled
    assert.equal(outcome.error, errors[2])
    assert.equal(outcome.attempts, 3)
    assert.deepEqual(retried, [
      { attempt: 1, error: errors[0], retriesLeft: 2 },
      { attempt: 2, error: errors[1], retriesLeft: 1 },
    ])
  })

  test('a TypeError is retried', async () => {
    const { afterCommit } = start({ retry: { retries: 2, minTimeout: 0 } })
    const nothing: { deep?: { value: number } } = {}
    const outcome = await afterCommit(() => (nothing.deep as { value: number }).value).settled
    assert.ok(outcome.error instanceof TypeError)
    assert.equal(outcome.attempts, 3)
  })

  test("fetch's own AbortError is retried", async () => {
    const server = createServer(() => undefined).listen(0, '127.0.0.1') // never answers
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const { afterCommit } = start({ retry: { retries: 1, minTimeout: 0 } })
    const task = afterCommit(async () => {
      const controller = new AbortController()
      server.once('request', () => controller.abort())
      await fetch(url, { signal: controller.signal })
    })
    const { attempts, error } = await task.settled
    assert.equal((error as Error).name, 'AbortError')
    assert.equal(attempts, 2)
    server.closeAllConnections()
    server.close()
  })

  for (const [whose, Abort] of [
    ['the library', AbortError],
    ['another copy of p-retry', otherCopy.AbortError],
  ] as const) {
    test(`the AbortError of ${whose} is not retried, and its original error is the outcome's`, async () => {
      const { afterCommit, failures } = start({ retry: { retries: 5, minTimeout: 0 } })
      const original = new RangeError('card declined')
      const task = afterCommit(() => Promise.reject(new Abort(original)))
      assert.deepEqual(await task.settled, { status: 'failed', attempts: 1, error: original })
      await afterCommit.idle()
      assert.equal(failures.records[0]?.errorName, 'RangeError')

      const second = afterCommit(({ attempt }) => {
        throw attempt === 1 ? new Error('once more') : new Abort('that is enough')
      })
      const { attempts, error } = await second.settled
      assert.equal(attempts, 2)
      assert.equal((error as Error).message, 'that is enough')
      assert.equal(afterCommit.stats().retried, 1)
    })
  }

  test('two copies of p-retry have two AbortErrors', () => {
    assert.notEqual(otherCopy.AbortError, AbortError)
  })

  test('`retry: false` is one attempt, for a task and for an instance', async () => {
    const single = defineTask('single', fails, { retry: false })
    const thrice = defineTask('thrice', fails, { retry: { retries: 2, minTimeout: 0 } })
    const retrying = start({ retry: { retries: 4, minTimeout: 0 } }).afterCommit
    assert.equal((await retrying(single).settled).attempts, 1)
    assert.equal((await retrying(fails).settled).attempts, 5)
    const never = start({ retry: false }).afterCommit
    assert.equal((await never(fails).settled).attempts, 1)
    assert.equal((await never(thrice).settled).attempts, 3)
  })

  test('pauses grow by the factor up to the maximum', async (t) => {
    const retry = { retries: 4, minTimeout: 10, factor: 3, maxTimeout: 100, randomize: false }
    assert.deepEqual(await pauses(t, retry), [10, 30, 90, 100])
  })

  test("a task's retry options are merged over the instance's, and those over the defaults", async (t) => {
    const instance = { retries: 3, minTimeout: 10, randomize: false }
    assert.deepEqual(await pauses(t, instance), [10, 20, 40])
    assert.deepEqual(await pauses(t, instance, { retries: 2 }), [10, 20])
    assert.deepEqual(await pauses(t, instance, { factor: 1 }), [10, 10, 10])
    assert.deepEqual(await pauses(t, { randomize: false }), [200, 400, 800])
  })

  test('pauses are random between one and two times their length, so that tasks do not come back all at once', async (t) => {
    const seen = new Set<number>()
    for (let run = 0; run < 20; run++) {
      const asked = await pauses(t, {})
      assert.equal(asked.length, 3)
      for (const [index, pause] of asked.entries()) {
        assert.ok(pause >= 200 * 2 ** index && pause <= 400 * 2 ** index, `${pause} is pause ${index}`)
        seen.add(pause / 2 ** index)
      }
    }
    assert.ok(seen.size > 10)
  })

  test('the pause is really waited for', async () => {
    const { afterCommit } = start({ retry: { retries: 1, minTimeout: 50, randomize: false } })
    const starts: number[] = []
    await afterCommit(() => {
      starts.push(performance.now())
      throw new Error('boom')
    }).settled
    const [first = 0, second = 0] = starts
    assert.ok(second - first >= 49, `waited ${second - first} ms`)
  })

  test('a task that backs off holds no slot, and still counts as pending', async () => {
    const { afterCommit } = start({ concurrency: 1, maxPending: 2, retry: { minTimeout: 60_000 } })
    const retrying = next(afterCommit, 'retrying')
    const first = afterCommit('first', () => Promise.reject(new Error('boom')))
    await retrying
    assert.equal(first.state, 'backing-off')

    const finish = deferred()
    const second = afterCommit('second', () => finish.promise)
    await next(afterCommit, 'started')
    const { pending, running, waiting, backingOff } = afterCommit.stats()
    assert.deepEqual({ pending, running, waiting, backingOff }, { pending: 2, running: 1, waiting: 0, backingOff: 1 })

    const third = afterCommit('third', () => undefined)
    assert.equal((await third.settled).status, 'rejected', 'first and second are all that may be pending')
    finish.resolve()
    assert.equal((await second.settled).status, 'succeeded')
    await afterCommit.close({ grace: 0 })
    assert.equal((await first.settled).status, 'interrupted')
  })

  test('retries wait for a slot like everybody else: running attempts never exceed the concurrency', async () => {
    const { afterCommit } = start({ concurrency: 3, retry: { retries: 2, minTimeout: 0 } })
    const samples = sampledStats(afterCommit)
    let inside = 0
    let most = 0
    for (let index = 0; index < 50; index++) {
      afterCommit(`task ${index}`, async ({ attempt }) => {
        most = Math.max(most, ++inside)
        await new Promise((resolve) => setImmediate(resolve))
        inside--
        if (index % 2 === 0 || attempt === 1) throw new Error('boom')
      })
    }
    await afterCommit.idle()
    assert.equal(most, 3)
    assert.equal(Math.max(...samples.map((sample) => sample.running)), 3)
    assert.ok(samples.every(({ waiting, running, backingOff, pending }) => waiting + running + backingOff === pending))
    assert.equal(afterCommit.stats().failed, 25)
    assert.equal(afterCommit.stats().succeeded, 25)
  })
})
