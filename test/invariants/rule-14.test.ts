import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { forEachDatabase } from '../support/databases.js'
import { levels, next, recordingLogger, start } from '../support/recorders.js'
import { failing, throwables } from '../support/throwables.js'
import { deferred, until } from '../support/wait.js'
import type { Logger } from '../../src/index.js'

describe('Rule 14: a failing task harms nobody', () => {
  forEachDatabase((db) => {
    test('the result of the transaction and its rows are the same, and every other task runs', async () => {
      const { afterCommit, failures } = start({ retry: false })
      const prisma = afterCommit.watch(db.newClient())
      const ran: string[] = []
      const expected: string[] = []

      for (const [thrown, make] of Object.entries(throwables)) {
        for (const [way, fail] of Object.entries(failing)) {
          const name = `${way} of ${thrown}`
          const result = await prisma.$transaction(async (tx) => {
            afterCommit(`before ${name}`, () => ran.push(`before ${name}`))
            afterCommit(name, fail(make()))
            afterCommit(`after ${name}`, () => ran.push(`after ${name}`))
            return tx.user.create({ data: { email: `${name}@example.org`, name } })
          })
          assert.equal(result.name, name)
          expected.push(`before ${name}`, `after ${name}`)
        }
      }
      await afterCommit.idle()

      assert.deepEqual(ran.toSorted(), expected.toSorted())
      const failed = failures.records.map((record) => record.task)
      const users = await db.query<{ name: string }>('SELECT "name" FROM "User"')
      assert.deepEqual(failed.toSorted(), users.map((user) => user.name).toSorted())
      assert.equal(afterCommit.stats().failed, failed.length)
    })

    test('onRollback functions that fail are logged, the ones after them run, and the caller sees its own error', async () => {
      const { afterCommit, log } = start()
      const prisma = afterCommit.watch(db.newClient())
      const mine = new Error('mine')
      const last = deferred()
      const transaction = prisma.$transaction(() => {
        for (const fail of Object.values(failing)) afterCommit.onRollback(fail(new Error('hook')))
        afterCommit.onRollback(() => last.resolve())
        throw mine
      })
      await assert.rejects(transaction, (error) => error === mine)
      await last.promise
      await until(() => log.at('error').length === Object.keys(failing).length)
    })
  })

  for (const [thrown, make] of Object.entries(throwables)) {
    for (const [way, fail] of Object.entries(failing)) {
      test(`${way} of ${thrown} is retried, then it is the error of the outcome`, async () => {
        const { afterCommit } = start({ retry: { retries: 1, minTimeout: 0 } })
        const error = make()
        const { settled } = afterCommit(fail(error))
        const outcome = await settled
        assert.equal(outcome.status, 'failed')
        assert.equal(outcome.attempts, 2)
        assert.ok(Object.is(outcome.error, error), 'the outcome carries what was thrown, untouched')
        await afterCommit.idle()
      })
    }
  }

  for (const [way, fail] of Object.entries(failing)) {
    test(`${way} in a listener changes nothing, and is logged with the event's name`, async () => {
      const { afterCommit, log } = start({ retry: false })
      const heard: string[] = []
      const remove = (['accepted', 'started', 'succeeded', 'failed'] as const).flatMap((name) => [
        afterCommit.on(name, fail(new Error(`listener of ${name}`))),
        afterCommit.on(name, ({ task }) => void heard.push(`${name} ${task.name}`)),
      ])
      const good = afterCommit('good', () => undefined)
      assert.equal((await good.settled).status, 'succeeded')
      const bad = afterCommit('bad', () => Promise.reject(new Error('boom')))
      assert.equal((await bad.settled).status, 'failed')
      await afterCommit.idle()
      await new Promise((resolve) => setImmediate(resolve))

      assert.deepEqual(heard, [
        'accepted good',
        'started good',
        'succeeded good',
        'accepted bad',
        'started bad',
        'failed bad',
      ])
      const complaints = log.at('error').filter((line) => line.message.includes('listener'))
      for (const name of ['accepted', 'started', 'succeeded', 'failed']) {
        const complaint = complaints.find((line) => line.message.includes(`event ${name} `))
        assert.equal((complaint?.fields['err'] as Error | undefined)?.message, `listener of ${name}`)
      }
      for (const stop of remove) stop()
    })
  }

  for (const [thrown, make] of Object.entries(throwables)) {
    test(`a listener that throws ${thrown} changes nothing`, async () => {
      const { afterCommit } = start()
      afterCommit.on('succeeded', () => {
        throw make()
      })
      afterCommit.on('succeeded', () => Promise.reject(make()))
      assert.equal((await afterCommit(() => undefined).settled).status, 'succeeded')
      await afterCommit.idle()
    })
  }

  for (const [way, fail] of Object.entries(failing)) {
    test(`${way} in the logger changes nothing, whoever logs`, async () => {
      const broken = fail(new Error('no space left on device'))
      const logger = Object.fromEntries(levels.map((level) => [level, broken])) as unknown as Logger
      const { afterCommit } = start({ logger, retry: { retries: 1, minTimeout: 0 }, outsideTransaction: 'warn' })
      const good = afterCommit('good', ({ log }) => log.info({}, 'a line of the task itself'))
      const bad = afterCommit('bad', () => Promise.reject(new Error('boom')))
      assert.deepEqual(await good.settled, { status: 'succeeded', attempts: 1 })
      assert.equal((await bad.settled).status, 'failed')
      await afterCommit.idle()
    })
  }

  test('a logger whose child() throws does not fail the task that logs', async () => {
    const logger: Logger = {
      ...recordingLogger(),
      child() {
        throw new Error('no child')
      },
    }
    const { afterCommit } = start({ logger, retry: false })
    const task = afterCommit('logs', ({ log }) => log.info({}, 'hello'))
    assert.equal((await task.settled).status, 'succeeded')
  })

  test('a requestId that throws is logged, and the task runs without one', async () => {
    const { afterCommit, log } = start({
      requestId: () => {
        throw new Error('no request')
      },
    })
    const task = afterCommit(() => undefined)
    assert.equal((await task.settled).status, 'succeeded')
    assert.equal(task.requestId, undefined)
    assert.match(log.at('error')[0]?.message ?? '', /requestId/)
  })

  test('a process under --unhandled-rejections=strict goes on, and prints nothing to stderr', async () => {
    const child = fileURLToPath(new URL('rule-14.child.ts', import.meta.url))
    const flags = ['--unhandled-rejections=strict', '--conditions=source', '--import', 'tsx']
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [...flags, child])
    assert.equal(stderr, '')
    assert.match(stdout, /^survived \d+ failures\n$/)
  })

  test('a failing task does not hold its slot', async () => {
    const { afterCommit } = start({ concurrency: 1, retry: false })
    const failed = next(afterCommit, 'failed')
    afterCommit(() => Promise.reject(new Error('boom')))
    const after = afterCommit(() => undefined)
    await failed
    assert.equal((await after.settled).status, 'succeeded')
  })
})
