import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defineTask, type FailureRecord, prismaFailureLog } from '../../src/index.js'
import { forEachDatabase, type TestDatabase } from '../support/databases.js'
import { failureLogThat, next, type RecordingLogger, start } from '../support/recorders.js'
import { failing } from '../support/throwables.js'
import { deferred, until } from '../support/wait.js'

const takeAway = (db: TestDatabase) => db.execute('ALTER TABLE "TaskFailure" RENAME TO "TaskFailureGone"')
const giveBack = (db: TestDatabase) => db.execute('ALTER TABLE "TaskFailureGone" RENAME TO "TaskFailure"')
const storedTasks = async (db: TestDatabase) =>
  (await db.query<{ task: string }>('SELECT "task" FROM "TaskFailure"')).map((row) => row.task).toSorted()
const recordsAt = (log: RecordingLogger, level: 'fatal' | 'error') =>
  log.at(level).map((line) => line.fields['record'] as FailureRecord)

const fails = () => Promise.reject(new Error('boom'))
const pays = defineTask('pays', (_payload: { amount: number }) => fails())

function opened(db: TestDatabase) {
  const client = db.newClient()
  const started = start({ failureLog: prismaFailureLog(() => client), retry: false, requestId: () => 'request 7' })
  return { ...started, prisma: started.afterCommit.watch(client) }
}

describe('Rule 18: while the failure log fails, the logger has the complete records and the pool goes on', () => {
  // Tests that take the table away have a database of their own: connections of theirs may outlive them.
  forEachDatabase((db) => {
    const open = () => opened(db)

    test('the complete record goes to the logger at `fatal`, an event says so, and the pool goes on', async () => {
      await db.reset()
      const { afterCommit, log, prisma } = open()
      await takeAway(db)
      const lost = next(afterCommit, 'failureLogError')
      const failed = await prisma.$transaction(() => Promise.resolve(afterCommit(pays, { amount: 7 })))
      const { records, error } = await lost
      await afterCommit.idle()

      assert.match(String(error), /TaskFailure/)
      assert.deepEqual(recordsAt(log, 'fatal'), records)
      const [record, ...others] = records
      assert.deepEqual(others, [])
      const { recordedAt, errorStack, lastAttemptAt, ...rest } = record ?? ({} as FailureRecord)
      assert.ok(recordedAt instanceof Date && lastAttemptAt instanceof Date)
      assert.match(errorStack ?? '', /boom[^]* at /)
      assert.deepEqual(rest, {
        id: failed.id,
        task: 'pays',
        payload: '{"amount":7}',
        status: 'failed',
        errorName: 'Error',
        errorMessage: 'boom',
        attempts: 1,
        requestId: 'request 7',
        retryOf: null,
        registeredAt: failed.registeredAt,
      })

      const good = await prisma.$transaction(async (tx) => {
        await tx.user.create({ data: { email: 'a@example.org', name: 'Ada' } })
        return afterCommit('good', () => undefined)
      })
      assert.equal((await good.settled).status, 'succeeded')
      assert.deepEqual(await db.query('SELECT "name" FROM "User"'), [{ name: 'Ada' }])
      await giveBack(db)
      await afterCommit.close()
    })

    test('what could not be written is written when the table is back, by a timer', async () => {
      await db.reset()
      const { afterCommit, log } = open()
      await takeAway(db)
      afterCommit('first', fails)
      await afterCommit.idle()
      afterCommit('second', fails)
      await afterCommit.idle()
      await giveBack(db)
      assert.deepEqual(await storedTasks(db), [])
      await until(async () => (await storedTasks(db)).length === 2)
      assert.deepEqual(await storedTasks(db), ['first', 'second'])
      assert.equal(log.at('fatal').length, 2, 'each record is reported once')
      await afterCommit.close()
      assert.deepEqual(await storedTasks(db), ['first', 'second'])
    })

    test('`close` tries once more', async () => {
      await db.reset()
      const { afterCommit } = open()
      await takeAway(db)
      for (let n = 10; n < 30; n++) afterCommit(`task ${n}`, fails)
      await afterCommit.idle()
      await giveBack(db)
      await afterCommit.close()
      assert.deepEqual(
        await storedTasks(db),
        Array.from({ length: 20 }, (_, n) => `task ${n + 10}`),
      )
    })

    test('`close` resolves when the table is still gone, and everything has been reported', async () => {
      await db.reset()
      const { afterCommit, log } = open()
      await takeAway(db)
      afterCommit('fails', fails)
      await next(afterCommit, 'failed')
      afterCommit('hangs', () => deferred().promise)
      await next(afterCommit, 'started')
      const report = await afterCommit.close({ grace: 0 })
      assert.deepEqual([report.failed, report.interrupted], [1, 1])
      assert.deepEqual(
        recordsAt(log, 'fatal').map((record) => `${record.task} ${record.status}`),
        ['fails failed', 'hangs interrupted'],
      )
      await giveBack(db)
    })
  })

  forEachDatabase((db) => {
    test('a record that the table refuses holds up no other', async () => {
      await db.reset()
      const constraint = `ALTER TABLE "TaskFailure" ADD CONSTRAINT "poison" CHECK ("task" <> 'poison')`
      const trigger = `CREATE TRIGGER "poison" BEFORE INSERT ON "TaskFailure" WHEN NEW."task" = 'poison'
        BEGIN SELECT RAISE(ABORT, 'poison'); END`
      const drop = db.name === 'sqlite' ? 'DROP TRIGGER "poison"' : 'ALTER TABLE "TaskFailure" DROP CONSTRAINT "poison"'
      await db.execute(db.name === 'sqlite' ? trigger : constraint)
      const { afterCommit } = opened(db)
      afterCommit('poison', fails)
      for (const name of ['a', 'b', 'c']) afterCommit(name, fails)
      await afterCommit.idle()
      afterCommit('later', fails)
      await afterCommit.idle()
      await afterCommit.close()
      assert.deepEqual(await storedTasks(db), ['a', 'b', 'c', 'later'])
      await db.execute(drop)
    })

    test('a record that is there already is no error: a batch that was stored but not answered is written again', async () => {
      await db.reset()
      const client = db.newClient()
      const table = prismaFailureLog(() => client)
      let unanswered = 0 // all three, unless a turn of the event loop was over before the third had failed
      const { afterCommit, log } = start({
        retry: false,
        failureLog: failureLogThat({
          async write(records) {
            await table.write(records)
            if (unanswered > 0) return
            unanswered = records.length
            throw new Error('connection lost before the answer')
          },
        }),
      })
      for (const name of ['a', 'b', 'c']) afterCommit(name, fails)
      await afterCommit.idle()
      assert.ok(unanswered > 0)
      assert.equal(log.at('fatal').length, unanswered)
      await afterCommit.close()
      assert.deepEqual(await storedTasks(db), ['a', 'b', 'c'])
    })

    test('a check that fails in any way is logged, and the process goes on', async () => {
      for (const fail of Object.values(failing)) {
        const check = fail(new Error('not usable')) as () => Promise<void>
        const { afterCommit, log } = start({ failureLog: failureLogThat({ check }) })
        afterCommit.watch(db.newClient())
        const line = await until(() => log.at('error')[0])
        assert.match(line.message, /not usable/)
      }
    })
  })

  test('records that are refused again and again hold up no other where the timer tries, either', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const stored: string[] = []
    let down = true
    const { afterCommit } = start({
      retry: false,
      timeout: Infinity,
      failureLog: failureLogThat({
        write(records) {
          if (down || records.some(({ task }) => task === 'poison')) return Promise.reject(new Error('refused'))
          stored.push(...records.map(({ task }) => task))
          return Promise.resolve()
        },
      }),
    })
    for (const name of [...Array<string>(40).fill('poison'), 'a', 'b', 'c']) afterCommit(name, fails)
    await afterCommit.idle()
    down = false
    t.mock.timers.tick(1_000)
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(stored.toSorted(), ['a', 'b', 'c'])
  })

  test('a store that is down is asked once in each pause, however many records wait for it', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const stored: string[] = []
    let [asked, down] = [0, true]
    const { afterCommit, log } = start({
      retry: false,
      timeout: Infinity,
      failureLog: failureLogThat({
        check: () => (down ? Promise.reject(new Error('down')) : Promise.resolve()),
        write(records) {
          asked++
          if (down) return Promise.reject(new Error('down'))
          stored.push(...records.map(({ task }) => task))
          return Promise.resolve()
        },
      }),
    })
    const names = Array.from({ length: 300 }, (_, n) => `task ${n}`)
    for (const name of names) afterCommit(name, fails)
    await afterCommit.idle()
    asked = 0
    for (const pause of [1_000, 2_000, 4_000]) {
      t.mock.timers.tick(pause)
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
    }
    assert.equal(asked, 3)
    down = false
    await afterCommit.close()
    assert.deepEqual(stored.toSorted(), names.toSorted())
    assert.ok(asked <= 3 + 7, `in batches, and not in ${asked - 3} writes`)
    assert.equal(log.at('fatal').length, 300, 'each is reported once')
  })

  test('memory is bounded: beyond it, records are in the logger only', async () => {
    const stored: FailureRecord[] = []
    let down = true
    const { afterCommit, log } = start({
      maxPending: 10_500,
      concurrency: 1_000,
      retry: false,
      failureLog: failureLogThat({
        write: (records) => (down ? Promise.reject(new Error('down')) : Promise.resolve(void stored.push(...records))),
      }),
    })
    for (let n = 0; n < 10_500; n++) afterCommit(`task ${n}`, fails)
    await afterCommit.idle()
    assert.equal(log.at('fatal').length, 10_500)
    down = false
    await afterCommit.close()
    assert.equal(stored.length, 10_000)
    assert.equal(new Set(stored.map((record) => record.id)).size, 10_000)
    assert.equal(log.at('fatal').length, 10_500, 'and each is reported once')
  })

  test('a failure log that does not answer does not hang `close`, and what it says later is not reported again', async (t) => {
    const answer = deferred()
    const { afterCommit, log } = start({ retry: false, failureLog: failureLogThat({ write: () => answer.promise }) })
    afterCommit('fails', fails)
    await next(afterCommit, 'failed')
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const closed = afterCommit.close()
    const ticking = setInterval(() => t.mock.timers.tick(1_000), 1)
    const report = await closed
    clearInterval(ticking)
    assert.equal(report.failed, 1)
    answer.reject(new Error('too late'))
    await afterCommit.idle()
    assert.deepEqual(
      recordsAt(log, 'fatal').map((record) => record.task),
      ['fails'],
    )
  })
})
