import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { memoryFailureLog } from '../../src/failure-logs/index.js'
import { createAfterCommit, defineTask, type FailureRecord, prismaFailureLog } from '../../src/index.js'
import { forEachDatabase } from '../support/databases.js'
import { failureLogThat, recordingLogger, start } from '../support/recorders.js'
import { deferred } from '../support/wait.js'

const boom = () => Promise.reject(new Error('boom'))
const wrong = async (answer: Promise<unknown>, message: RegExp) => assert.rejects(answer, code('ERR_OPTIONS', message))
const code = (expected: string, message = /./) => ({ code: expected, message })

/** A task that fails until it is told to be well, and what it was given. */
function patient(name = 'pays') {
  const given: unknown[] = []
  const state = { well: false }
  const task = defineTask(name, (payload: { amount: number }, { id }) => {
    given.push([id, payload])
    if (!state.well) throw new Error('not well')
  })
  return { task, given, state }
}

let written = 0
const record = (more: Partial<FailureRecord> = {}): FailureRecord => ({
  id: `failure ${++written}`,
  task: 'pays',
  payload: '{"amount":7}',
  status: 'failed',
  errorName: null,
  errorMessage: null,
  errorStack: null,
  attempts: 1,
  requestId: null,
  retryOf: null,
  registeredAt: new Date(written),
  lastAttemptAt: null,
  recordedAt: new Date(written),
  ...more,
})

/** An instance whose failure log has these records. */
async function startWith(records: readonly FailureRecord[], options: Parameters<typeof start>[0] = {}) {
  const failureLog = memoryFailureLog({ limit: Infinity })
  await failureLog.write(records)
  return { ...start({ failureLog, retry: false, ...options }), failureLog }
}

describe('failures.retry()', () => {
  test('runs a defined task again, under a new id, with its stored payload', async () => {
    const { task, given, state } = patient()
    const { afterCommit, failures } = start({ retry: false, tasks: [task] })
    const first = afterCommit(task, { amount: 7 })
    await afterCommit.idle()
    state.well = true
    const second = await afterCommit.failures.retry(first.id)
    assert.equal((await second.settled).status, 'succeeded')
    assert.notEqual(second.id, first.id)
    assert.deepEqual(given, [
      [first.id, { amount: 7 }],
      [second.id, { amount: 7 }],
    ])
    assert.equal((await failures.get(first.id))?.status, 'retried')
    assert.equal(failures.records.length, 1)
  })

  test('that fails again has a row of its own, which says what it was a retry of', async () => {
    const { task } = patient()
    const { afterCommit } = start({ retry: false, tasks: [task] })
    const first = afterCommit(task, { amount: 7 })
    await afterCommit.idle()
    const second = await afterCommit.failures.retry(first.id)
    await afterCommit.idle()
    const third = await afterCommit.failures.retry(second.id)
    await afterCommit.idle()
    const { items } = await afterCommit.failures.list({ order: 'oldest' })
    assert.deepEqual(
      // Two of them may have been recorded in the same millisecond.
      new Set(items.map(({ id, status, retryOf, payload }) => [id, status, retryOf, payload].join())),
      new Set([
        `${first.id},retried,,{"amount":7}`,
        `${second.id},retried,${first.id},{"amount":7}`,
        `${third.id},failed,${second.id},{"amount":7}`,
      ]),
    )
  })

  test('does not ask the schema a second time', async () => {
    let asked = 0
    const schema = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value: unknown) => ({ value: Number(value) + ++asked }),
        types: undefined as { input: number; output: number } | undefined,
      },
    } as const
    const given: number[] = []
    const task = defineTask(
      'counts',
      (n: number) => {
        given.push(n)
        throw new Error('boom')
      },
      { schema },
    )
    const { afterCommit } = start({ retry: false, tasks: [task] })
    const { id } = afterCommit(task, 1)
    await afterCommit.idle()
    await afterCommit.failures.retry(id)
    await afterCommit.idle()
    assert.deepEqual(given, [2, 2])
    assert.equal(asked, 1)
  })

  test('of a task without a payload, and of one whose name was too long for the log', async () => {
    const given: unknown[] = []
    const sweep = defineTask('sweep '.repeat(100), (payload) => {
      given.push(payload)
      throw new Error('boom')
    })
    const { afterCommit } = start({ retry: false, tasks: [sweep] })
    const { id } = afterCommit(sweep)
    await afterCommit.idle()
    await afterCommit.failures.retry(id)
    await afterCommit.idle()
    assert.deepEqual(given, [undefined, undefined])
  })

  for (const outsideTransaction of ['run', 'warn', 'throw', 'discard'] as const) {
    test(`is outside any transaction, and \`outsideTransaction: '${outsideTransaction}'\` does not apply`, async () => {
      const { task, state } = patient()
      state.well = true
      const failure = record()
      const { afterCommit, log } = await startWith([failure], { tasks: [task], outsideTransaction })
      const handle = await afterCommit.failures.retry(failure.id)
      assert.equal((await handle.settled).status, 'succeeded')
      assert.deepEqual(log.at('warn'), [])
    })
  }

  test('refuses what cannot run again, and leaves its row as it is', async () => {
    const { task } = patient()
    const closure = record({ payload: null })
    const stranger = record({ task: 'unheard-of' })
    const retried = record({ status: 'retried' })
    const resolved = record({ status: 'resolved' })
    const all = [closure, stranger, retried, resolved]
    const { afterCommit, failureLog } = await startWith(all, { tasks: [task] })
    const refused = (id: string, message: RegExp) =>
      assert.rejects(afterCommit.failures.retry(id), code('ERR_NOT_RETRYABLE', message))
    await refused(closure.id, /`pays` is a closure/)
    await refused(stranger.id, /`unheard-of` is not in the option `tasks`, which has `pays`/)
    await refused(retried.id, /retried already/)
    await refused(resolved.id, /resolved already/)
    await refused('nothing', /no failure with the id nothing/)
    for (const one of all) assert.deepEqual(await failureLog.get(one.id), one)
    assert.equal(afterCommit.stats().accepted, 0)
    assert.equal(afterCommit.stats().reserved, 0)
  })

  test('is refused while the pool is full, before anything is changed', async () => {
    const { task, state } = patient()
    state.well = true
    const failure = record()
    const { afterCommit, failureLog } = await startWith([failure], { tasks: [task], maxPending: 1 })
    const gate = deferred()
    afterCommit('fills the pool', () => gate.promise)
    await assert.rejects(afterCommit.failures.retry(failure.id), code('ERR_POOL_FULL'))
    assert.deepEqual(await failureLog.get(failure.id), failure)
    gate.resolve()
    await afterCommit.idle()
    const handle = await afterCommit.failures.retry(failure.id)
    assert.equal((await handle.settled).status, 'succeeded')
  })

  test('keeps its place in the pool while it claims, and gives it back where it does not get the failure', async () => {
    const { task } = patient()
    const failure = record()
    const claimed = deferred<boolean>()
    const failureLog = failureLogThat({ get: () => Promise.resolve(failure), transition: () => claimed.promise })
    const { afterCommit } = start({ failureLog, tasks: [task], maxPending: 1, overflow: 'record' })
    const retrying = afterCommit.failures.retry(failure.id)
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(afterCommit.stats().reserved, 1)
    assert.equal((await afterCommit('too many', () => undefined).settled).status, 'rejected')
    claimed.resolve(false)
    await assert.rejects(retrying, code('ERR_NOT_RETRYABLE', /Somebody else/))
    assert.equal(afterCommit.stats().reserved, 0)

    failureLog.transition = () => Promise.reject(new Error('the table is down'))
    await assert.rejects(afterCommit.failures.retry(failure.id), /the table is down/)
    assert.equal(afterCommit.stats().reserved, 0)
  })

  test('after `close()` is refused; one that is claiming is waited for, and counted', async () => {
    const { task, state } = patient()
    state.well = true
    const failure = record()
    const claimed = deferred<boolean>()
    const failureLog = failureLogThat({ get: () => Promise.resolve(failure), transition: () => claimed.promise })
    const { afterCommit } = start({ failureLog, tasks: [task] })
    const retrying = afterCommit.failures.retry(failure.id)
    await new Promise((resolve) => setImmediate(resolve))
    const closed = afterCommit.close()
    await assert.rejects(afterCommit.failures.retry(failure.id), code('ERR_CLOSED'))
    claimed.resolve(true)
    const handle = await retrying
    const report = await closed
    assert.equal(handle.state, 'succeeded')
    assert.deepEqual([report.accepted, report.succeeded], [1, 1])
  })

  forEachDatabase((db) => {
    test('inside a transaction does not wait for it, nor go with it', async () => {
      await db.reset()
      const { task, state } = patient()
      const client = db.newClient()
      const { afterCommit } = start({ retry: false, tasks: [task], failureLog: prismaFailureLog(() => client) })
      // Of its own: libsql lets a query wait for the transaction that is open on the same client.
      const prisma = afterCommit.watch(db.newClient())
      const { id } = await prisma.$transaction(() => Promise.resolve(afterCommit(task, { amount: 7 })))
      await afterCommit.idle()
      state.well = true
      await assert.rejects(
        prisma.$transaction(async () => {
          const handle = await afterCommit.failures.retry(id)
          assert.equal((await handle.settled).status, 'succeeded')
          throw new Error('rolled back')
        }),
        /rolled back/,
      )
      assert.deepEqual(await db.query('SELECT "status" FROM "TaskFailure"'), [{ status: 'retried' }])
    })

    test('only what has that very name, whatever the collation, is listed and retried by it', async () => {
      await db.reset()
      const client = db.newClient()
      const failureLog = prismaFailureLog(() => client)
      const { task } = patient()
      const same = record()
      await failureLog.write([record({ task: 'PAYS' }), same, record({ task: 'pays ' }), record({ task: 'päys' })])
      const { afterCommit } = start({ tasks: [task], failureLog, retry: false })
      const { items } = await afterCommit.failures.list({ task: 'pays' })
      assert.deepEqual(
        items.map(({ id }) => id),
        [same.id],
      )
      assert.deepEqual(await afterCommit.failures.retryAll({ task: 'pays' }), {
        retried: 1,
        skipped: [],
        nextCursor: undefined,
      })
      assert.equal(await afterCommit.failures.resolve(same.id.toUpperCase()), false)
      await afterCommit.idle()
    })
  })
})

describe('failures.retryAll()', () => {
  test('retries what matches, the oldest first, and says what it could not retry', async () => {
    const { task, given, state } = patient()
    state.well = true
    const amounts = Array.from({ length: 250 }, (_, amount) => record({ payload: `{"amount":${amount}}` }))
    const closure = record({ payload: null, status: 'rejected' })
    const stranger = record({ task: 'unheard-of', status: 'interrupted' })
    const left = [record({ status: 'unknown' }), record({ status: 'resolved' })]
    const { afterCommit, failureLog } = await startWith([...amounts, closure, stranger, ...left], {
      tasks: [task],
      concurrency: 1,
    })
    const { retried, skipped, nextCursor } = await afterCommit.failures.retryAll()
    await afterCommit.idle()
    assert.equal(retried, 250)
    assert.deepEqual(
      given.map((one) => (one as [string, { amount: number }])[1].amount),
      Array.from({ length: 250 }, (_, n) => n),
    )
    assert.deepEqual(
      skipped.map(({ id }) => id),
      [closure.id, stranger.id],
    )
    assert.match(skipped[0]?.reason ?? '', /closure/)
    assert.match(skipped[1]?.reason ?? '', /not in the option `tasks`/)
    assert.equal(nextCursor, undefined)
    for (const one of left) assert.deepEqual(await failureLog.get(one.id), one)
    assert.equal((await afterCommit.failures.retryAll({ status: 'unknown' })).retried, 1)
  })

  test('stops when the pool is full, rejects nothing, and goes on from there', async () => {
    const all = [record({ payload: null }), ...Array.from({ length: 25 }, () => record())]
    let gate = deferred()
    const task = defineTask('pays', () => gate.promise)
    const { afterCommit } = await startWith(all, { tasks: [task], maxPending: 10 })
    const retried: number[] = []
    let cursor: string | undefined
    do {
      const report = await afterCommit.failures.retryAll(cursor === undefined ? {} : { cursor })
      retried.push(report.retried)
      assert.equal(report.skipped.length, cursor === undefined ? 1 : 0)
      cursor = report.nextCursor
      if (cursor !== undefined) {
        assert.deepEqual(await afterCommit.failures.retryAll({ cursor }), {
          retried: 0,
          skipped: [],
          nextCursor: cursor,
        })
      }
      gate.resolve()
      await afterCommit.idle()
      gate = deferred()
    } while (cursor !== undefined)
    assert.deepEqual(retried, [10, 10, 5])
    assert.equal(afterCommit.stats().rejected, 0)
    assert.equal(afterCommit.stats().succeeded, 25)
  })

  test('retries a limited number at a time, where it is told to', async () => {
    const { task, state } = patient()
    state.well = true
    const { afterCommit } = await startWith(
      [record({ payload: null }), ...Array.from({ length: 25 }, () => record())],
      {
        tasks: [task],
      },
    )
    const first = await afterCommit.failures.retryAll({ limit: 10 })
    assert.deepEqual([first.retried, first.skipped.length], [10, 1])
    const { nextCursor: cursor } = first
    assert.ok(cursor !== undefined)
    assert.deepEqual(await afterCommit.failures.retryAll({ cursor }), {
      retried: 15,
      skipped: [],
      nextCursor: undefined,
    })
    await afterCommit.idle()
    assert.equal(afterCommit.stats().succeeded, 25)
  })

  test('retries a task that fails at once again one time only', async () => {
    const { task } = patient()
    const { afterCommit } = start({ retry: false, tasks: [task] })
    for (let amount = 0; amount < 300; amount++) afterCommit(task, { amount })
    await afterCommit.idle()
    const { retried } = await afterCommit.failures.retryAll()
    await afterCommit.idle()
    assert.equal(retried, 300)
    assert.equal(afterCommit.stats().failed, 600)
  })

  test('holds the reasons of 1 000 failures at most', async () => {
    const { afterCommit } = await startWith(Array.from({ length: 1_500 }, () => record({ payload: null })))
    const first = await afterCommit.failures.retryAll()
    assert.equal(first.skipped.length, 1_000)
    assert.ok(first.nextCursor !== undefined)
    const second = await afterCommit.failures.retryAll({ cursor: first.nextCursor })
    assert.equal(second.skipped.length, 500)
    assert.equal(second.nextCursor, undefined)
  })
})

describe('failures', () => {
  test('are listed page by page, the newest first', async () => {
    const all = Array.from({ length: 7 }, () => record())
    const { afterCommit } = await startWith(all)
    const pages: string[][] = []
    let cursor: string | undefined
    do {
      const page = await afterCommit.failures.list({ limit: 3, ...(cursor !== undefined && { cursor }) })
      pages.push(page.items.map(({ id }) => id))
      cursor = page.nextCursor
    } while (cursor !== undefined)
    const ids = all.map(({ id }) => id).toReversed()
    assert.deepEqual(pages, [ids.slice(0, 3), ids.slice(3, 6), ids.slice(6)])
    assert.equal((await afterCommit.failures.list({ limit: 7 })).nextCursor, undefined)
  })

  test('are resolved once, by whoever is first', async () => {
    const failure = record({ status: 'unknown' })
    const { afterCommit } = await startWith([failure])
    assert.equal(await afterCommit.failures.resolve(failure.id), true)
    assert.equal(await afterCommit.failures.resolve(failure.id), false)
    assert.equal(await afterCommit.failures.resolve('nothing'), false)
    assert.deepEqual(await afterCommit.failures.get(failure.id), { ...failure, status: 'resolved' })
    assert.equal(await afterCommit.failures.get('nothing'), undefined)
  })

  test('that nobody has dealt with are purged only when their status is named', async () => {
    const statuses = ['failed', 'rejected', 'interrupted', 'unknown', 'retried', 'resolved'] as const
    const { afterCommit } = await startWith(statuses.map((status) => record({ status })))
    const before = new Date()
    assert.equal(await afterCommit.failures.purge({ before: new Date(0) }), 0)
    assert.equal(await afterCommit.failures.purge({ before, limit: 1 }), 2)
    assert.equal(await afterCommit.failures.purge({ before }), 0)
    assert.equal(await afterCommit.failures.purge({ before, status: 'failed' }), 1)
    assert.equal(await afterCommit.failures.purge({ before, status: ['rejected', 'interrupted'] }), 2)
    const { items } = await afterCommit.failures.list()
    assert.deepEqual(
      items.map(({ status }) => status),
      ['unknown'],
    )
  })

  test('are not touched by a question that makes no sense', async () => {
    const { afterCommit } = await startWith([record({ status: 'resolved' })])
    const { failures } = afterCommit
    await wrong(failures.list({ limit: 0 }), /`limit` to be an integer from 1 to 1_000, got `0`/)
    await wrong(failures.list({ limit: 1_001 }), /`limit`/)
    await wrong(failures.list({ cursor: 'elsewhere' }), /`cursor`/)
    await wrong(failures.list({ status: 'faild' as never }), /`status` to be one of failed, rejected/)
    await wrong(failures.list({ since: '2026-02-28' as never }), /`since` to be a valid Date/)
    await wrong(failures.retryAll({ until: new Date(Number.NaN) }), /`until`/)
    await wrong(failures.retryAll({ limit: 0 }), /`limit`/)
    await wrong(failures.purge({ before: undefined as never }), /`before`/)
    await wrong(failures.purge({ before: new Date(), limit: 0 }), /`limit`/)
    assert.equal((await failures.list()).items.length, 1)
  })

  test('without a failure log every method says so', async () => {
    const { failures } = createAfterCommit({ logger: recordingLogger() })
    const before = new Date()
    for (const ask of [
      () => failures.list(),
      () => failures.get('1'),
      () => failures.retry('1'),
      () => failures.retryAll(),
      () => failures.resolve('1'),
      () => failures.purge({ before }),
    ]) {
      await assert.rejects(ask(), code('ERR_OPTIONS', /no failure log: give `createAfterCommit` the option/))
    }
  })

  test('boom is recorded in memory, 10 000 at most by default', async () => {
    const failureLog = memoryFailureLog()
    await failureLog.write(Array.from({ length: 10_005 }, () => record()))
    const { afterCommit } = start({ failureLog, retry: false })
    afterCommit('last', boom)
    await afterCommit.idle()
    const kept = await failureLog.list({ order: 'newest', limit: 20_000 })
    assert.equal(kept.length, 10_000)
    assert.equal(kept[0]?.task, 'last')
  })
})
