import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createAfterCommit, defineTask, type Overflow, PoolFullError } from '../../src/index.js'
import { forEachDatabase } from '../support/databases.js'
import { lacks, savepoints } from '../support/prisma-version.js'
import { recordingLogger, sampledStats, start, trace } from '../support/recorders.js'
import { deferred } from '../support/wait.js'

const nothing = () => undefined

describe('A full pool', () => {
  test("'record' rejects the task with one record, one event and one line", async () => {
    const { afterCommit, failures, log } = start({ maxPending: 1 })
    const finish = deferred()
    afterCommit('first', () => finish.promise)
    const task = afterCommit('second', () => assert.fail('it ran'))
    assert.deepEqual(await task.settled, { status: 'rejected', attempts: 0 })
    finish.resolve()
    await afterCommit.idle()
    assert.deepEqual(
      failures.records.map(({ id, status }) => ({ id, status })),
      [{ id: task.id, status: 'rejected' }],
    )
    const lines = log.lines.filter((line) => line.fields['taskId'] === task.id)
    assert.deepEqual(
      lines.map(({ level, message }) => `${level} ${message}`),
      ['error task rejected: the pool is full'],
    )
  })

  test("'record' without a failure log gives the complete record to the logger", () => {
    const log = recordingLogger()
    const afterCommit = createAfterCommit({ logger: log, maxPending: 1 })
    const pay = defineTask('pay', (_payload: { amount: number }) => undefined)
    afterCommit(nothing)
    const { id } = afterCommit(pay, { amount: 7 })
    const [record] = log.at('error').flatMap((line) => (line.fields['record'] ? [line.fields['record']] : []))
    const { payload, status, id: recorded } = record as Record<string, unknown>
    assert.deepEqual({ recorded, payload, status }, { recorded: id, payload: '{"amount":7}', status: 'rejected' })
  })

  test("'refuse' throws a PoolFullError to whoever registers", async () => {
    const { afterCommit, failures } = start({ maxPending: 1, overflow: 'refuse' })
    const seen = trace(afterCommit)
    const finish = deferred()
    const first = afterCommit('first', () => finish.promise)
    assert.throws(
      () => afterCommit('second', nothing),
      (error) => {
        assert.ok(error instanceof PoolFullError)
        assert.equal(error.code, 'ERR_POOL_FULL')
        assert.match(error.message, /`second` was refused: 1 .*`maxPending`/)
        return true
      },
    )
    finish.resolve()
    await first.settled
    assert.equal((await afterCommit('third', nothing).settled).status, 'succeeded')
    assert.deepEqual(
      seen.filter((line) => line.endsWith('second')),
      [],
    )
    assert.deepEqual(failures.records, [])
  })

  test("'drop-newest' loses the incoming task, with an event and a line", async () => {
    const { afterCommit, failures, log } = start({ maxPending: 2, concurrency: 1, overflow: 'drop-newest' })
    const tasks = ['a', 'b', 'c'].map((name) => afterCommit(name, nothing))
    await afterCommit.idle()
    assert.deepEqual(
      tasks.map((task) => task.state),
      ['succeeded', 'succeeded', 'dropped'],
    )
    assert.deepEqual(failures.records, [])
    assert.equal(log.at('warn').filter((line) => line.fields['taskId'] === tasks[2]?.id).length, 1)
  })

  test("'drop-oldest' loses the task that has waited longest", async () => {
    const { afterCommit, failures } = start({ maxPending: 3, concurrency: 1, overflow: 'drop-oldest' })
    const finish = deferred()
    const running = afterCommit('running', () => finish.promise)
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    assert.equal(running.state, 'running')
    const tasks = ['a', 'b', 'c', 'd'].map((name) => afterCommit(name, nothing))
    finish.resolve()
    await afterCommit.idle()
    assert.deepEqual(
      tasks.map((task) => task.state),
      ['dropped', 'dropped', 'succeeded', 'succeeded'],
    )
    assert.equal(running.state, 'succeeded')
    assert.deepEqual(failures.records, [])
  })

  test("'drop-oldest' loses the incoming task where none waits", async () => {
    const { afterCommit } = start({ maxPending: 1, concurrency: 1, overflow: 'drop-oldest' })
    const finish = deferred()
    const running = afterCommit('running', () => finish.promise)
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    assert.equal(afterCommit('incoming', nothing).state, 'dropped')
    finish.resolve()
    assert.equal((await running.settled).status, 'succeeded')
  })

  test("a task's own policy goes before the instance's", () => {
    const { afterCommit } = start({ maxPending: 1, overflow: 'refuse' })
    afterCommit(defineTask('first', nothing, { overflow: 'record' }))
    assert.equal(afterCommit(defineTask('record', nothing, { overflow: 'record' })).state, 'rejected')
    assert.equal(afterCommit(defineTask('drop', nothing, { overflow: 'drop-newest' })).state, 'dropped')
    assert.throws(() => afterCommit('refuse', nothing), PoolFullError)
  })

  for (const overflow of ['record', 'refuse', 'drop-newest', 'drop-oldest'] as const satisfies Overflow[]) {
    for (const event of ['accepted', 'started', 'succeeded', 'failed', 'rejected', 'dropped'] as const) {
      test(`'${overflow}' keeps the bound where a listener of \`${event}\` registers tasks`, async () => {
        const { afterCommit } = start({ maxPending: 3, concurrency: 2, overflow, retry: false })
        const samples = sampledStats(afterCommit)
        let left = 30
        const register = () => {
          if (left-- > 0)
            afterCommit(`task ${left}`, left % 2 === 0 ? nothing : () => Promise.reject(new Error('boom')))
        }
        afterCommit.on(event, register) // a refused one throws into the listener, which is logged
        for (let n = 0; n < 6; n++) {
          try {
            register()
          } catch (error) {
            assert.ok(error instanceof PoolFullError)
          }
        }
        await afterCommit.idle()
        const most = Math.max(...samples.map(({ pending, reserved }) => pending + reserved))
        assert.ok(most <= 3, `${most} pending`)
      })
    }
  }

  forEachDatabase((db) => {
    test('a transaction whose task is refused rolls back: nothing stored, nothing run, nothing kept', async () => {
      await db.reset()
      const { afterCommit } = start({ maxPending: 2, overflow: 'refuse' })
      const prisma = afterCommit.watch(db.newClient())
      const transaction = prisma.$transaction(async (tx) => {
        await tx.user.create({ data: { email: 'a@example.org', name: 'Ada' } })
        for (const name of ['a', 'b', 'c']) afterCommit(name, () => assert.fail('it ran'))
      })
      await assert.rejects(transaction, PoolFullError)
      assert.deepEqual(await db.query('SELECT * FROM "User"'), [])
      const { reserved, pending, accepted, discarded } = afterCommit.stats()
      assert.deepEqual(
        { reserved, pending, accepted, discarded },
        { reserved: 0, pending: 0, accepted: 0, discarded: 2 },
      )
    })

    test('places are reserved at the registration, and belong to nobody else until the transaction ends', async (t) => {
      if (lacks(t, savepoints)) return
      const { afterCommit } = start({ maxPending: 3, overflow: 'refuse' })
      const prisma = afterCommit.watch(db.newClient())
      const record = defineTask('record', nothing, { overflow: 'record' })
      const outside = await prisma.$transaction(async (tx) => {
        afterCommit('a', nothing)
        afterCommit('b', nothing)
        assert.equal(afterCommit.stats().reserved, 2)
        await assert.rejects(
          tx.$transaction(() => {
            afterCommit('in a savepoint', nothing)
            assert.equal(afterCommit.stats().reserved, 3)
            throw new Error('the savepoint rolls back')
          }),
        )
        assert.equal(afterCommit.stats().reserved, 2, 'its place is free again')
        return afterCommit.for(prisma)(record)
      })
      assert.equal((await outside.settled).status, 'succeeded')
      await afterCommit.idle()
      const { reserved, succeeded, rejected } = afterCommit.stats()
      assert.deepEqual({ reserved, succeeded, rejected }, { reserved: 0, succeeded: 3, rejected: 0 })
    })

    test('a task that was cancelled before the COMMIT gives its reserved place back', async () => {
      const { afterCommit } = start({ maxPending: 1, overflow: 'refuse' })
      const prisma = afterCommit.watch(db.newClient())
      await prisma.$transaction(() => {
        assert.equal(afterCommit('a', nothing).cancel(), true)
        assert.equal(afterCommit.stats().reserved, 0)
        return Promise.resolve(afterCommit('in its place', nothing).cancel())
      })
      assert.equal(afterCommit.stats().reserved, 0)
      assert.equal((await afterCommit('b', nothing).settled).status, 'succeeded')
    })

    test('a late registration of a committed transaction is rejected, never thrown', async () => {
      const { afterCommit, failures } = start({ maxPending: 1, overflow: 'refuse' })
      const prisma = afterCommit.watch(db.newClient())
      const over = deferred()
      let late: Promise<string> | undefined
      await prisma.$transaction(() => {
        late = over.promise.then(() => afterCommit('late', nothing).state)
        return Promise.resolve()
      })
      const finish = deferred()
      afterCommit('fills the pool', () => finish.promise)
      over.resolve()
      assert.equal(await late, 'rejected')
      finish.resolve()
      await afterCommit.idle()
      assert.equal(failures.records[0]?.task, 'late')
    })

    test('30 transactions at once keep the bound, and every task is somewhere', async () => {
      const { afterCommit } = start({ maxPending: 20, concurrency: 3, retry: { retries: 1, minTimeout: 0 } })
      const prisma = afterCommit.watch(db.newClient({ transactionOptions: { maxWait: 30_000, timeout: 30_000 } }))
      const samples = sampledStats(afterCommit)
      const policies = (['record', 'refuse', 'drop-newest', 'drop-oldest'] as const).map((overflow) =>
        defineTask(overflow, (n: number) => (n % 3 === 0 ? Promise.reject(new Error('boom')) : undefined), {
          overflow,
        }),
      )
      const transactions = Array.from({ length: 30 }, (_, n) =>
        prisma.$transaction(async (tx) => {
          for (const policy of policies) afterCommit(policy, n)
          await tx.user.count()
          if (n % 5 === 0) throw new Error('rolled back')
        }),
      )
      const results = await Promise.allSettled(transactions)
      await afterCommit.idle()
      assert.ok(Math.max(...samples.map(({ pending, reserved }) => pending + reserved)) <= 20)
      const committed = results.filter((result) => result.status === 'fulfilled').length
      const { accepted, succeeded, failed, rejected, dropped, reserved } = afterCommit.stats()
      assert.equal(accepted, committed * 4)
      assert.equal(accepted, succeeded + failed + rejected + dropped)
      assert.equal(reserved, 0)
      assert.ok(committed > 0)
    })
  })
})
