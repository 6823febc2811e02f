import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { type AfterCommit, type AfterCommitOptions, defineTask, type Logger } from '../../src/index.js'
import { fakeClient, inline } from '../../src/testing/index.js'
import { workerThreads } from '../../src/threads/index.js'
import { type RecordingLogger, recordingLogger, trace } from '../support/recorders.js'
import type { PrismaClient } from '../../prisma/client/sqlite/client.js'
import { holdTimers } from '../support/held-timers.js'
import { deferred, until } from '../support/wait.js'
import { type Act, actTask, moduleUrl, startThreads } from './act.js'

const act = actTask()

/** The fields of the lines with this message. */
const told = (log: RecordingLogger, message = 'told') =>
  log.lines.filter((line) => line.message === message).map(({ fields }) => fields)

/** An instance whose threads have begun: what starts a thread is not what these tests measure. */
async function warm(options: AfterCommitOptions = {}, size = 1) {
  const started = startThreads({ retry: false, ...options }, { size })
  assert.equal((await started.afterCommit(act, {}).settled).status, 'succeeded')
  return started
}

const runningOf = (afterCommit: AfterCommit) => afterCommit.stats().running

describe('A task with `thread: true`', { concurrency: 1 }, () => {
  test('runs in a thread, with what JSON gives back of its payload, and knows its id, name and attempt', async () => {
    const { afterCommit, log } = startThreads()
    const handle = afterCommit(act, { act: 'tell', at: new Date(0), none: undefined })
    assert.deepEqual(await handle.settled, { status: 'succeeded', attempts: 1 })
    const [fields] = told(log)
    const { id, name, n, isMainThread, payload } = fields ?? {}
    assert.deepEqual([id, name, n, isMainThread], [handle.id, 'act', 1, false])
    assert.deepEqual(payload, { act: 'tell', at: '1970-01-01T00:00:00.000Z' })
    await afterCommit.close()
  })

  test('may have no payload, and its module may be CommonJS', async () => {
    const { afterCommit, log } = startThreads()
    const none = defineTask('none', moduleUrl('act.mjs'), { thread: true })
    assert.equal((await afterCommit(none).settled).status, 'succeeded')
    const common = defineTask<{ n: number }>('common', moduleUrl('common.cjs'), { thread: true })
    await afterCommit(common, { n: 7 }).settled
    assert.equal(told(log)[0]?.['n'], 7)
    await afterCommit.close()
  })

  test('may return what cannot be cloned', async () => {
    const { afterCommit } = startThreads()
    assert.equal((await afterCommit(act, { act: 'result' }).settled).status, 'succeeded')
    await afterCommit.close()
  })

  test('writes its lines by the logger of the application, in order, in the context of its request', async () => {
    const request = new AsyncLocalStorage<string>()
    const lines = recordingLogger()
    const contexts: (string | undefined)[] = []
    const logger: Logger = Object.fromEntries(
      (['debug', 'info', 'warn', 'error', 'fatal'] as const).map((level) => [
        level,
        (fields: object, message: string) => {
          contexts.push(request.getStore())
          lines[level](fields, message)
        },
      ]),
    ) as unknown as Logger
    const { afterCommit } = startThreads({ logger, requestId: () => request.getStore() })
    const first = request.run('request 1', () => afterCommit(act, { act: 'log' }))
    await first.settled
    const handle = request.run('request 2', () => afterCommit(act, { act: 'log' }))
    await handle.settled
    const written = lines.lines.filter(({ fields }) => fields['taskId'] === handle.id && 'attempt' in fields)
    const [one, two, three] = written
    const fields = { taskId: handle.id, task: 'act', attempt: 1, requestId: 'request 2' }
    assert.deepEqual(one, { level: 'debug', fields: { ...fields, a: 1 }, message: 'one' })
    assert.deepEqual(three, { level: 'fatal', fields, message: 'three' })
    const { err, what, ...others } = two?.fields ?? {}
    assert.deepEqual(others, { ...fields, of: 'child', text: 'text' })
    assert.ok(err instanceof Error, 'an error is logged as an error')
    assert.deepEqual([err.name, err.message, Reflect.get(err, 'code')], ['PaymentError', 'declined', 'ERR_PAYMENT'])
    assert.match(String(what), /Function/)
    assert.deepEqual(
      contexts.slice(-4),
      Array.from({ length: 4 }, () => 'request 2'),
    )
    await afterCommit.close()
  })

  test('is refused with a payload that cannot be carried, at its registration', () => {
    const { afterCommit } = startThreads()
    for (const value of [() => 1, 1n, Symbol('s'), Number.NaN, new Map(), new Uint8Array(1)]) {
      assert.throws(() => afterCommit(act, { value }), { code: 'ERR_PAYLOAD' }, typeof value)
    }
    assert.equal(afterCommit.stats().pending, 0)
  })

  test('fails as it would fail here: name, message, stack, code and cause of the error', async () => {
    const { afterCommit, failures } = startThreads({ retry: false })
    const seen = trace(afterCommit)
    const { status, error } = await afterCommit(act, { act: 'throw' }).settled
    assert.equal(status, 'failed')
    assert.ok(error instanceof Error, 'an error comes back as an error')
    assert.deepEqual(
      [error.name, error.message, Reflect.get(error, 'code')],
      ['PaymentError', 'declined', 'ERR_PAYMENT'],
    )
    assert.match(error.stack ?? '', /act\.mjs/)
    assert.equal(error.cause instanceof Error && error.cause.name, 'RangeError')
    await afterCommit.idle()
    const [row, ...more] = failures.records
    assert.deepEqual(more, [])
    assert.deepEqual(
      [row?.status, row?.payload, row?.errorName, row?.errorMessage, row?.errorStack],
      ['failed', '{"act":"throw"}', 'PaymentError', 'declined', error.stack],
    )
    assert.deepEqual(seen, ['accepted act', 'started act', 'failed act'])
    await afterCommit.close()
  })

  test('may throw anything', async () => {
    const { afterCommit } = startThreads({ retry: false })
    for (const value of [null, 'text', 0, { status: 503 }]) {
      assert.deepEqual((await afterCommit(act, { act: 'throwValue', value }).settled).error, value)
    }
    assert.deepEqual(await afterCommit(act, { act: 'throwValue' }).settled, {
      status: 'failed',
      attempts: 1,
      error: undefined,
    })
    assert.match(String((await afterCommit(act, { act: 'throwFunction' }).settled).error), /Function/)
    await afterCommit.close()
  })

  test('is retried like any other, and not after an AbortError of p-retry', async () => {
    const { afterCommit } = startThreads()
    const seen = trace(afterCommit)
    const again = await afterCommit(act, { act: 'throw', until: 2 }).settled
    assert.deepEqual(again, { status: 'succeeded', attempts: 3 })
    assert.equal(seen.filter((event) => event === 'retrying act').length, 2)
    const { attempts, error } = await afterCommit(act, { act: 'giveUp' }).settled
    assert.deepEqual([attempts, error instanceof Error && error.message], [1, 'never again'])
    await afterCommit.close()
  })

  for (const [what, kind, message] of [
    ['exits', 'exit', /exited with code: 3/],
    ['runs out of memory', 'fill', /reaching memory limit/],
    ['has an uncaught exception', 'crash', /crashed/],
    ['has an unhandled rejection', 'reject', /nobody awaits it/],
  ] as const) {
    test(`a thread that ${what} is one failed attempt, and the next one has another thread`, async () => {
      const resourceLimits = { maxOldGenerationSizeMb: 24, maxYoungGenerationSizeMb: 8 }
      const { afterCommit, log } = startThreads({}, { size: 1, resourceLimits })
      const errors: string[] = []
      afterCommit.on('retrying', ({ error }) => void errors.push(String(error)))
      const handle = afterCommit(act, { act: kind, until: 1 })
      const other = afterCommit(act, { act: 'tell' })
      assert.deepEqual(await handle.settled, { status: 'succeeded', attempts: 2 })
      assert.deepEqual(await other.settled, { status: 'succeeded', attempts: 1 })
      assert.equal(errors.length, 1)
      assert.match(errors[0] ?? '', message)
      if (kind === 'exit') assert.equal(told(log, 'about to exit').length, 1)
      await afterCommit.close()
    })
  }

  test('a thread that fails after its task has ended is logged, and nobody else is hurt', async () => {
    const { afterCommit, log } = startThreads({}, { size: 1 })
    assert.equal((await afterCommit(act, { act: 'leaveBehind' }).settled).status, 'succeeded')
    await until(() => told(log, 'a thread failed, and no task was running in it').length === 1)
    assert.deepEqual(await afterCommit(act, { act: 'tell' }).settled, { status: 'succeeded', attempts: 1 })
    await afterCommit.close()
  })

  test('a thread that cannot start is a failed attempt', async () => {
    const execArgv = ['--import', './missing-in-every-thread.mjs']
    const { afterCommit } = startThreads({ retry: { retries: 1, minTimeout: 1 } }, { size: 2, execArgv })
    for (const handle of [1, 2, 3].map(() => afterCommit(act, {}))) {
      const { attempts, error } = await handle.settled
      assert.equal(attempts, 2)
      assert.match(String(error), /Cannot find module.*missing-in-every-thread/)
    }
    await afterCommit.close()
  })

  test('a module that is missing, or exports no function `run`, is a failure that says so', async () => {
    const { afterCommit } = startThreads({ retry: false })
    const fail = async (file: string): Promise<string> =>
      String((await afterCommit(defineTask(file, moduleUrl(file), { thread: true })).settled).error)
    assert.match(await fail('missing.mjs'), /Cannot find module.*missing\.mjs/)
    assert.match(await fail('nothing.mjs'), /nothing\.mjs exports no function `run`/)
    await afterCommit.close()
  })

  test('a module that fails to load is loaded anew by the next attempt', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'after-commit-'))
    const url = moduleUrl('broken-once.mjs')
    url.searchParams.set('file', join(folder, 'up'))
    const { afterCommit } = startThreads({}, { size: 1 })
    const errors: string[] = []
    afterCommit.on('retrying', ({ error }) => void errors.push(String(error)))
    const task = defineTask('broken', url, { thread: true })
    assert.deepEqual(await afterCommit(task).settled, { status: 'succeeded', attempts: 2 })
    assert.deepEqual(errors, ['Error: the database is not up yet'])
    await afterCommit.close()
    rmSync(folder, { recursive: true })
  })

  test('runs again from the failure log, in a thread', async () => {
    const { afterCommit, failures, log } = startThreads({ tasks: [act], retry: false, maxPending: 1 }, { size: 1 })
    afterCommit(act, { act: 'tell', n: 1 })
    const rejected = afterCommit(act, { act: 'tell', n: 2 })
    assert.equal(rejected.state, 'rejected')
    await afterCommit.idle()
    assert.equal(failures.records.length, 1)
    const handle = await afterCommit.failures.retry(rejected.id)
    assert.equal((await handle.settled).status, 'succeeded')
    assert.deepEqual(
      told(log).map(({ payload }) => (payload as Act)['n']),
      [1, 2],
    )
    await afterCommit.close()
  })

  test('runs in a thread where tests let tasks run inline', async () => {
    const { afterCommit, log } = startThreads()
    const tasks = inline(afterCommit)
    afterCommit(act, { act: 'tell' })
    await afterCommit.idle()
    tasks.restore()
    assert.equal(told(log)[0]?.['isMainThread'], false)
    await afterCommit.close()
  })
})

describe('The options of workerThreads()', () => {
  for (const [name, values] of [
    ['size', [0, -1, 1.5, Infinity]],
    ['maxPending', [0, Number.NaN]],
    ['idleTimeout', [-1, Number.NaN, 2 ** 31]],
  ] as const) {
    test(`a wrong value of \`${name}\` is refused, and the message says what is expected`, () => {
      for (const value of values) {
        const message = new RegExp(`^Expected \`${name}\` to be an? .*, got \`${value}\` \\(number\\)$`)
        assert.throws(() => workerThreads({ [name]: value }), { code: 'ERR_OPTIONS', message })
      }
    })
  }
})

describe('Threads are bounded', { concurrency: 1 }, () => {
  test('as many tasks as threads run at a time, and those that wait hold no slot of anybody else', async () => {
    const { afterCommit, log } = startThreads({ concurrency: 1, maxPending: 6 })
    const most: number[] = []
    afterCommit.on('started', () => void most.push(runningOf(afterCommit)))
    const handles = Array.from({ length: 6 }, () => afterCommit(act, { act: 'finishLate' }))
    await until(() => told(log, 'waiting').length === 2)
    assert.deepEqual([afterCommit.stats().running, afterCommit.stats().waiting], [2, 4])
    assert.equal((await afterCommit('elsewhere', () => undefined).settled).status, 'succeeded')
    assert.equal(Math.max(...most), 3)
    for (const handle of handles) handle.cancel()
    await afterCommit.close({ grace: 0 })
  })

  test('what its transaction runs waits for a thread too, and gets one when a thread was ended', async (t) => {
    const limit = holdTimers(t, 20_000)
    const { afterCommit, log } = startThreads({ overflow: 'caller-runs', abortGrace: 50 }, { size: 1, maxPending: 1 })
    const prisma = afterCommit.watch(fakeClient<PrismaClient>().client)
    const spinning = afterCommit(actTask({ timeout: 20_000, retry: false }), { act: 'spin' })
    await until(() => told(log, 'spinning').length === 1)
    const transaction = prisma.$transaction(() => Promise.resolve(afterCommit(act, { act: 'tell' })))
    await until(() => afterCommit.stats().callerRunning === 1)
    limit.expire()
    const handle = await transaction
    assert.deepEqual([spinning.state, handle.state], ['failed', 'succeeded'])
    assert.equal(told(log).length, 1)
    await afterCommit.close()
  })

  test('what exceeds maxPending overflows as everywhere', async () => {
    const { afterCommit } = startThreads({ maxPending: 10 }, { size: 1, maxPending: 2 })
    const refusing = actTask({ overflow: 'refuse' })
    const handles = [1, 2, 3].map(() => afterCommit(act, { act: 'finishLate' }))
    assert.deepEqual(
      handles.map(({ state }) => state),
      ['waiting', 'waiting', 'rejected'],
    )
    assert.throws(() => afterCommit(refusing, {}), { code: 'ERR_POOL_FULL' })
    assert.equal(afterCommit.stats().saturation, 1)
    await afterCommit.close({ grace: 0 })
  })
})

describe('A thread is ended when its task does not end', { concurrency: 1 }, () => {
  const timed = actTask({ timeout: 200 })

  test('a timed-out attempt gets its signal, and may end by itself', async () => {
    const { afterCommit, log } = await warm({ abortGrace: 30_000 })
    const { status, error } = await afterCommit(timed, { act: 'wait' }).settled
    assert.equal(status, 'failed')
    assert.ok(error instanceof Error, 'a TimeoutError')
    assert.equal(error.name, 'TimeoutError')
    assert.equal(error.cause instanceof Error && error.cause.message, 'stopped')
    const reason = told(log, 'aborted')[0]?.['reason']
    assert.equal(reason instanceof Error && reason.name, 'TimeoutError')
    const late = await afterCommit(timed, { act: 'finishLate' }).settled
    assert.deepEqual(late, { status: 'succeeded', attempts: 1 }, 'the work is done, if late')
    await afterCommit.close()
  })

  test('one that ignores it is ended after abortGrace: a failed attempt, nothing abandoned, its slot free', async () => {
    const { afterCommit, log } = await warm({ abortGrace: 50, retry: { retries: 1, minTimeout: 1 } })
    const seen = trace(afterCommit)
    const errors: unknown[] = []
    afterCommit.on('retrying', ({ error }) => void errors.push(error))
    const spinning = afterCommit(timed, { act: 'spin' })
    const next = afterCommit(act, { act: 'succeed' })
    const { status, attempts, error } = await spinning.settled
    assert.deepEqual([status, attempts, error instanceof Error && error.name], ['failed', 2, 'TimeoutError'])
    const [first] = errors
    assert.match(String(first instanceof Error && first.cause), /The thread was ended: `act` went on for 50 ms/)
    assert.equal(told(log, 'spinning').length > 0, true)
    assert.equal((await next.settled).status, 'succeeded')
    assert.equal(seen.includes('abandoned act'), false)
    assert.equal(afterCommit.stats().abandoned, 0)
    await afterCommit.close()
  })

  test('close() interrupts it at the end of the grace, and resolves when no thread is left', async (t) => {
    const grace = holdTimers(t, 50_000)
    const { afterCommit, failures, log } = startThreads({ abortGrace: 50_000 }, { size: 2 })
    const heeding = afterCommit(act, { act: 'wait' })
    const spinning = afterCommit(act, { act: 'spin' })
    const waiting = afterCommit(act, { act: 'succeed' })
    await until(() => told(log, 'waiting').length + told(log, 'spinning').length === 2)
    const closing = afterCommit.close({ grace: 0 })
    await until(() => told(log, 'aborted').length === 1)
    grace.expire()
    const report = await closing
    assert.deepEqual([report.accepted, report.interrupted, report.abandoned], [3, 3, 0])
    for (const { state } of [heeding, spinning, waiting]) assert.equal(state, 'interrupted')
    assert.deepEqual(new Set(failures.records.map(({ status }) => status)), new Set(['interrupted']))
    assert.equal(failures.records.length, 3)
    assert.equal(told(log, 'aborted').length, 1, 'it was given the time to heed its signal')
    assert.throws(() => afterCommit(act, {}), { code: 'ERR_CLOSED' })
  })

  test('close() waits for a task that ends in time', async () => {
    const { afterCommit } = startThreads()
    const stuck = deferred()
    afterCommit('before', () => stuck.promise)
    const handle = afterCommit(act, { act: 'tell' })
    const closed = afterCommit.close({ grace: 60_000 })
    stuck.resolve()
    const report = await closed
    assert.deepEqual([handle.state, report.succeeded, report.interrupted], ['succeeded', 2, 0])
  })
})
