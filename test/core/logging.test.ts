import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { Writable } from 'node:stream'
import { describe, test } from 'node:test'
import { pino } from 'pino'
import { type AfterCommitOptions, createAfterCommit, type Logger } from '../../src/index.js'
import { forEachDatabase } from '../support/databases.js'
import { failureLogThat, levels, type Line, next, recordingLogger, start } from '../support/recorders.js'
import { deferred, until } from '../support/wait.js'

type PinoLine = Record<string, unknown> & { level: number; msg: string }

/** An instance that logs through a real pino into memory. */
function startWithPino(options: AfterCommitOptions = {}) {
  const lines: PinoLine[] = []
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      for (const line of chunk.toString().trim().split('\n')) lines.push(JSON.parse(line) as PinoLine)
      done()
    },
  })
  const logger = pino({ level: 'debug', base: { app: 'shop' } }, stream)
  return { lines, ...start({ logger, requestId: () => 'request 7', retry: { retries: 1, minTimeout: 0 }, ...options }) }
}

const boom = () => Promise.reject(new RangeError('boom'))
const nothing = () => undefined
const named = ({ level, message }: Line) => `${level} ${message}`

describe('Log lines', () => {
  test('of a success: one, at debug', async () => {
    const { afterCommit, log } = start()
    await afterCommit('task', nothing).settled
    assert.deepEqual(log.lines.filter((line) => line.fields['taskId'] !== undefined).map(named), [
      'debug task succeeded',
    ])
  })

  test('of a failure: one for each attempt, with its number and its error', async () => {
    const { afterCommit, log } = start({ retry: { retries: 1, minTimeout: 0 }, requestId: () => 'request 7' })
    const { id: taskId } = afterCommit('task', boom)
    await afterCommit.idle()
    const lines = log.lines.filter((line) => line.fields['taskId'] === taskId)
    assert.deepEqual(lines.map(named), ['warn task attempt failed, it will be retried', 'error task failed for good'])
    for (const [index, { fields }] of lines.entries()) {
      const { errorName, errorMessage, errorStack, attempt, requestId, task } = fields
      assert.deepEqual(
        { errorName, errorMessage, attempt, requestId, task },
        { errorName: 'RangeError', errorMessage: 'boom', attempt: index + 1, requestId: 'request 7', task: 'task' },
      )
      assert.match(String(errorStack), /logging\.test\.ts/)
    }
  })

  test('through pino, each line of a task carries its id, name, attempt and request id', async () => {
    const { afterCommit, lines } = startWithPino({ concurrency: 1, maxPending: 2, timeout: 5, abortGrace: 0 })
    const finish = deferred()
    const tasks = [
      afterCommit('deaf', ({ log, attempt }) => {
        log.info({ amount: 7 }, 'a line of its own')
        if (attempt === 1) return boom()
        return finish.promise
      }),
      afterCommit('cancelled', nothing),
      afterCommit('rejected', nothing),
    ]
    tasks[1]?.cancel()
    await tasks[0]?.settled
    finish.resolve()
    const outlives = afterCommit('interrupted', () => deferred().promise)
    await next(afterCommit, 'started')
    await afterCommit.close({ grace: 0 })

    for (const task of [...tasks, outlives]) {
      const own = lines.filter((line) => line['taskId'] === task.id)
      assert.ok(own.length > 0, `${task.name} has a line`)
      for (const line of own) {
        assert.deepEqual([line['task'], line['requestId'], line['app']], [task.name, 'request 7', 'shop'], line.msg)
        assert.equal(typeof line['attempt'], 'number', line.msg)
      }
    }
    const deaf = lines.filter((line) => line['taskId'] === tasks[0]?.id)
    assert.deepEqual(
      deaf.map((line) => [line.level, line['attempt'], line.msg]),
      [
        [pino.levels.values['info'], 1, 'a line of its own'],
        [pino.levels.values['warn'], 1, 'task attempt failed, it will be retried'],
        [pino.levels.values['info'], 2, 'a line of its own'],
        [pino.levels.values['warn'], 2, 'task ignores its signal: its slot was freed while it runs on'],
        [pino.levels.values['error'], 2, 'task failed for good'],
      ],
    )
    assert.equal(deaf[0]?.['amount'], 7)
  })

  test("a pino mixin that reads AsyncLocalStorage sees the task's own request, in each of its lines", async () => {
    const request = new AsyncLocalStorage<string>()
    const lines: PinoLine[] = []
    const mixin = () => ({ mixed: request.getStore() })
    const stream = { write: (line: string) => void lines.push(JSON.parse(line) as PinoLine) }
    const logger = pino({ level: 'debug', mixin }, stream)
    const { afterCommit } = start({ logger, concurrency: 1, retry: { retries: 1, minTimeout: 0 } })
    for (let n = 0; n < 10; n++)
      request.run(`request ${n}`, () => afterCommit(`request ${n}`, n % 2 === 0 ? nothing : boom))
    await afterCommit.idle()
    const own = lines.filter((line) => line['taskId'] !== undefined)
    assert.equal(own.length, 5 + 5 * 2)
    for (const line of own) assert.equal(line['mixed'], line['task'], line.msg)
  })

  for (const [level, failureLog] of [
    ['error', undefined],
    ['fatal', failureLogThat({ write: () => Promise.reject(new Error('down')) })],
  ] as const) {
    test(`a record that goes to the logger at ${level} carries them as well`, async () => {
      const log = recordingLogger()
      const afterCommit = createAfterCommit({
        logger: log,
        retry: false,
        requestId: () => 'request 7',
        ...(failureLog && { failureLog }),
      })
      const { id } = afterCommit('task', boom)
      await afterCommit.idle()
      const line = log.at(level).find(({ fields }) => fields['record'] !== undefined)
      const { taskId, task, attempt, requestId } = line?.fields ?? {}
      assert.deepEqual(
        { taskId, task, attempt, requestId },
        { taskId: id, task: 'task', attempt: 1, requestId: 'request 7' },
      )
    })
  }

  test('a task outside a request has no request id', async () => {
    const { afterCommit, lines } = startWithPino({ requestId: () => undefined })
    await afterCommit('task', ({ log }) => log.info({}, 'hello')).settled
    const own = lines.filter((line) => line['task'] === 'task' && line['taskId'] !== undefined)
    assert.equal(own.length, 2)
    assert.ok(own.every((line) => !('requestId' in line)))
  })

  test('a logger without child() serves tasks as well', async () => {
    const { afterCommit, log } = start({ requestId: () => 'request 7' })
    const { id, settled } = afterCommit('task', (context) => {
      for (const level of levels) context.log[level]({ amount: 7 }, `at ${level}`)
    })
    await settled
    for (const level of levels) {
      const line = log.at(level).find(({ message }) => message === `at ${level}`)
      assert.deepEqual(line?.fields, { taskId: id, task: 'task', attempt: 1, requestId: 'request 7', amount: 7 })
    }
  })

  test('a logger that needs its `this` has it', async () => {
    class Counter {
      #lines = 0
      get lines() {
        return this.#lines
      }
      debug() {
        this.#lines++
      }
      info() {
        this.#lines++
      }
      warn() {
        this.#lines++
      }
      error() {
        this.#lines++
      }
      fatal() {
        this.#lines++
      }
    }
    const logger = new Counter()
    const { afterCommit } = start({ logger: logger satisfies Logger })
    await afterCommit('task', ({ log }) => log.info({}, 'hello')).settled
    assert.equal(logger.lines, 3, 'the warning that no client is watched, the line of the task, its success')
  })

  test('registered outside a transaction: a line, where the policy is to warn', async () => {
    const { afterCommit, log } = start({ outsideTransaction: 'warn', requestId: () => 'request 7' })
    const { id, settled } = afterCommit('task', nothing)
    await settled
    const line = log.at('warn').find(({ fields }) => fields['taskId'] === id)
    assert.match(line?.message ?? '', /`task` was registered outside a transaction/)
    assert.equal(line?.fields['requestId'], 'request 7')
  })

  forEachDatabase(
    (db) => {
      test('registered after the rollback: a line that names the task and its request', async () => {
        const { afterCommit, log } = start({ requestId: () => 'request 7' })
        const prisma = afterCommit.watch(db.newClient())
        const over = deferred()
        const transaction = prisma.$transaction(() => {
          void over.promise.then(() => afterCommit('late', nothing))
          throw new Error('rolled back')
        })
        await assert.rejects(transaction)
        over.resolve()
        const line = await until(() => log.at('warn').find(({ message }) => message.includes('late')))
        assert.deepEqual([line.fields['task'], line.fields['requestId']], ['late', 'request 7'])
        assert.match(line.message, /rolled back/)
      })

      test('an instance that watches no client says so once', async () => {
        const { afterCommit, log } = start()
        const unwatched = () => log.at('warn').filter(({ message }) => message.includes('watches no client'))
        await afterCommit(nothing).settled
        await afterCommit(nothing).settled
        assert.equal(unwatched().length, 1)
        const other = start()
        other.afterCommit.watch(db.newClient())
        await other.afterCommit(nothing).settled
        assert.deepEqual(other.log.at('warn'), [])
      })
    },
    { only: ['sqlite'] },
  )

  test('without a logger, the console has what somebody should see', async (t) => {
    const warn = t.mock.method(console, 'warn', nothing)
    const error = t.mock.method(console, 'error', nothing)
    const log = t.mock.method(console, 'log', nothing)
    const afterCommit = createAfterCommit({ retry: { retries: 1, minTimeout: 0 } })
    await afterCommit('good', nothing).settled
    await afterCommit('bad', boom).settled
    await afterCommit.idle()
    assert.deepEqual(
      [warn.mock.callCount(), error.mock.callCount(), log.mock.callCount()],
      [2, 2, 0],
      'no client watched and one retry; failed, and its record',
    )
  })
})
