import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createAfterCommit, defineTask, prismaFailureLog } from '../../src/index.js'
import { forEachDatabase } from '../support/databases.js'
import { recordingLogger, start } from '../support/recorders.js'
import { deferred } from '../support/wait.js'

interface FailureRow {
  readonly id: string
  readonly task: string
  readonly payload: string | null
  readonly status: string
  readonly errorName: string | null
  readonly errorMessage: string | null
  readonly errorStack: string | null
  readonly attempts: number
  readonly requestId: string | null
  readonly retryOf: string | null
  readonly registeredAt: string | Date
  readonly lastAttemptAt: string | Date | null
  readonly recordedAt: string | Date
}

const allRows = 'SELECT * FROM "TaskFailure" ORDER BY "recordedAt", "registeredAt"'
const time = (value: string | Date | null) => new Date(value ?? Number.NaN).getTime()

describe('Rule 17: a task that failed for good is one row of the failure log', () => {
  forEachDatabase((db) => {
    test('the row has everything that is known about the failure', async () => {
      await db.reset()
      const client = db.newClient()
      const { afterCommit } = start({
        failureLog: prismaFailureLog(() => client),
        retry: { retries: 1, minTimeout: 50, randomize: false },
        requestId: () => 'request 7',
      })
      const prisma = afterCommit.watch(client)
      const error = new RangeError('no such account')
      const attempts: number[] = []
      const givePoints = defineTask('give-points', (_payload: { user: number; reason: string }) => {
        attempts.push(Date.now())
        return Promise.reject(error)
      })
      const before = Date.now()
      const handle = await prisma.$transaction(async (tx) => {
        await tx.user.count()
        return afterCommit(givePoints, { user: 7, reason: 'первый вход 🎉' })
      })
      await afterCommit.idle()
      const after = Date.now()

      const [row, ...others] = await db.query<FailureRow>(allRows)
      assert.ok(row)
      assert.deepEqual(others, [])
      const { registeredAt, lastAttemptAt, recordedAt, ...rest } = row
      assert.deepEqual(
        { ...rest },
        {
          id: handle.id,
          task: 'give-points',
          payload: '{"user":7,"reason":"первый вход 🎉"}',
          status: 'failed',
          errorName: 'RangeError',
          errorMessage: 'no such account',
          errorStack: error.stack,
          attempts: 2,
          requestId: 'request 7',
          retryOf: null,
        },
      )
      assert.equal(time(registeredAt), handle.registeredAt.getTime())
      const [first = Number.NaN] = attempts
      // Half of the backoff: a timer keeps to another clock than dates, and both are rounded.
      const times = [before, time(registeredAt), first + 25, time(lastAttemptAt), time(recordedAt), after]
      assert.deepEqual(
        times,
        times.toSorted((a, b) => a - b),
        'registered, tried, tried for the last time, recorded',
      )
    })

    test('a closure has no payload and a task outside a request no request id', async () => {
      await db.reset()
      const { afterCommit } = start({ failureLog: prismaFailureLog(() => client), retry: false })
      const client = db.newClient()
      const { id } = afterCommit('closure', () => Promise.reject(new Error('boom')))
      await afterCommit.idle()
      const [row] = await db.query<FailureRow>(allRows)
      assert.ok(row)
      assert.deepEqual([row.id, row.task, row.payload, row.requestId, row.attempts], [id, 'closure', null, null, 1])
    })

    test('a task that never ran has no attempt and no time of one', async () => {
      await db.reset()
      const client = db.newClient()
      const { afterCommit } = start({ failureLog: prismaFailureLog(() => client), maxPending: 1 })
      const finish = deferred()
      afterCommit('fills the pool', () => finish.promise)
      const tooMany = afterCommit('too many', () => undefined)
      finish.resolve()
      await afterCommit.idle()
      const [row, ...others] = await db.query<FailureRow>(allRows)
      assert.deepEqual(others, [])
      assert.ok(row)
      const { id, status, errorName, errorMessage, errorStack, attempts, lastAttemptAt } = row
      assert.deepEqual(
        { id, status, errorName, errorMessage, errorStack, attempts, lastAttemptAt },
        {
          id: tooMany.id,
          status: 'rejected',
          errorName: null,
          errorMessage: null,
          errorStack: null,
          attempts: 0,
          lastAttemptAt: null,
        },
      )
    })

    test('what succeeds, is cancelled or rolls back leaves no row', async () => {
      await db.reset()
      const client = db.newClient()
      const { afterCommit } = start({ failureLog: prismaFailureLog(() => client) })
      const prisma = afterCommit.watch(client)
      await prisma.$transaction(() => {
        afterCommit('succeeds', () => undefined)
        afterCommit('succeeds at last', ({ attempt }) =>
          attempt < 3 ? Promise.reject(new Error('not yet')) : undefined,
        )
        afterCommit('is cancelled', () => Promise.reject(new Error('never'))).cancel()
        return Promise.resolve()
      })
      await assert.rejects(
        prisma.$transaction(() => {
          afterCommit('rolls back', () => Promise.reject(new Error('never')))
          return Promise.reject(new Error('rolled back'))
        }),
      )
      await afterCommit.idle()
      assert.deepEqual(await db.query(allRows), [])
    })

    test('2 000 failures of one transaction are 2 000 rows, written in batches', async () => {
      await db.reset()
      const client = db.newClient({ log: [{ level: 'query', emit: 'event' }] })
      const statements: string[] = []
      client.$on('query', ({ query }) => statements.push(query))
      const { afterCommit } = start({ failureLog: prismaFailureLog(() => client), maxPending: 2_000, retry: false })
      const prisma = afterCommit.watch(client)
      const ids = await prisma.$transaction(() =>
        Promise.resolve(
          Array.from(
            { length: 2_000 },
            (_, n) => afterCommit(`task ${n}`, () => Promise.reject(new Error(`boom ${n}`))).id,
          ),
        ),
      )
      await afterCommit.idle()

      const rows = await db.query<FailureRow>(allRows)
      assert.deepEqual(rows.map((row) => row.id).toSorted(), ids.toSorted())
      assert.ok(rows.every((row) => row.errorMessage === row.task.replace('task', 'boom')))
      const inserts = statements.filter((statement) => /^insert/i.test(statement))
      // How many go into one depends on how fast the database answers: 5 to 40.
      assert.ok(inserts.length <= 500, `${inserts.length} statements`)
    })
  })

  test('a burst that the pool rejects is one record for each task, however many', async () => {
    const { afterCommit, failures, log } = start({ maxPending: 1 })
    const tasks = Array.from({ length: 12_001 }, () => afterCommit('one of many', () => undefined))
    await afterCommit.idle()
    assert.equal(afterCommit.stats().rejected, 12_000)
    assert.deepEqual(
      failures.records.map((record) => record.id),
      tasks.slice(1).map((task) => task.id),
    )
    assert.deepEqual(log.at('fatal'), [])
  })

  test('without a failure log the complete record goes to the logger at `error`', async () => {
    const log = recordingLogger()
    const afterCommit = createAfterCommit({ logger: log, retry: false, requestId: () => 'request 7' })
    const task = defineTask('give-points', (_payload: { user: number }) => Promise.reject(new Error('boom')))
    const { id } = afterCommit(task, { user: 7 })
    await afterCommit.idle()
    const records = log.at('error').map((line) => line.fields['record'] as Record<string, unknown> | undefined)
    const [record, ...others] = records.filter((one) => one !== undefined)
    assert.deepEqual(others, [])
    const { payload, status, errorMessage, requestId } = record ?? {}
    assert.deepEqual(
      { payload, status, errorMessage, requestId },
      { payload: '{"user":7}', status: 'failed', errorMessage: 'boom', requestId: 'request 7' },
    )
    assert.equal(record?.['id'], id)
  })
})
