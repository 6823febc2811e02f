import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { prismaFailureLog } from '../../src/index.js'
import { at, record } from '../failure-logs/record.js'
import { forEachDatabase, type TestDatabase } from '../support/databases.js'
import { start } from '../support/recorders.js'
import { until } from '../support/wait.js'

const many = (length: number) => Array.from({ length }, (_, n) => record({ task: `task ${n}` }))
const count = async (db: TestDatabase) =>
  (await db.query<{ n: number }>('SELECT count(*) AS n FROM "TaskFailure"'))[0]?.n
/** A schema without comments and alignment. */
async function models(path: string): Promise<string> {
  const schema = await readFile(new URL(`../../prisma/${path}`, import.meta.url), 'utf8')
  return schema.replaceAll(/[ \t]*\/\/.*/g, '').replaceAll(/[ \t]+/g, ' ')
}

/** An error with what a database may refuse in a text. */
function hostile(text: string): Error {
  return Object.assign(new Error(text), { name: text, stack: text })
}

describe('Failure log in a Prisma table', () => {
  forEachDatabase((db) => {
    test('stores any number of records, none included', async () => {
      const client = db.newClient()
      const log = prismaFailureLog(() => client)
      for (const length of [0, 1, 9, 10, 11, 99, 100, 101, 250]) {
        await db.reset()
        await log.write(many(length))
        assert.equal(await count(db), length)
      }
    })

    test('a record that is stored already stays as it is, and the others of its batch are stored', async () => {
      await db.reset()
      const client = db.newClient()
      const log = prismaFailureLog(() => client)
      const [first, ...others] = many(120)
      assert.ok(first)
      await log.write([first])
      await log.write([...others.slice(0, 50), { ...first, errorMessage: 'changed' }, ...others.slice(50)])
      await log.write([first, ...others])
      assert.equal(await count(db), 120)
      const [row] = await db.query('SELECT "errorMessage" FROM "TaskFailure" WHERE "id" = ?', first.id)
      assert.deepEqual(row, { errorMessage: 'boom' })
    })

    test('stores times to the millisecond, as UTC', async () => {
      await db.reset()
      const client = db.newClient()
      await prismaFailureLog(() => client).write([record({ lastAttemptAt: null })])
      const [row] = await db.query<Record<string, string | Date | null>>('SELECT * FROM "TaskFailure"')
      assert.equal(new Date(row?.['registeredAt'] ?? 0).toISOString(), at.toISOString())
      assert.equal(row?.['lastAttemptAt'], null)
    })

    test('NUL, half surrogate pairs and other oddities of an error are stored as something readable', async () => {
      await db.reset()
      const client = db.newClient()
      const texts = [
        'a\0b',
        'a\ud83d',
        '\ude00b',
        '🎉',
        '\u{10ffff}',
        "'; DROP TABLE x; --",
        '%s ? $1 :a',
        '\r\n\t\b',
        '',
      ]
      const requests = [...texts]
      const { afterCommit, log } = start({
        failureLog: prismaFailureLog(() => client),
        retry: false,
        requestId: () => requests.shift(),
      })
      const tasks = texts.map((text) => afterCommit(`task ${text}`, () => Promise.reject(hostile(text))))
      await afterCommit.idle()
      assert.deepEqual(log.at('fatal'), [])
      const readable = ['a\\0b', 'a\ufffd', '\ufffdb', ...texts.slice(3)]
      for (const [index, task] of tasks.entries()) {
        const [row] = await db.query(
          'SELECT "task", "errorName", "errorMessage", "errorStack", "requestId" FROM "TaskFailure" WHERE "id" = ?',
          task.id,
        )
        const text = readable[index]
        assert.deepEqual(row, {
          task: `task ${text}`,
          errorName: text,
          errorMessage: text,
          errorStack: text,
          requestId: text,
        })
      }
    })

    test('very long texts are cut, never through a character; a payload is kept whole', async () => {
      await db.reset()
      const client = db.newClient()
      const { afterCommit, log } = start({ failureLog: prismaFailureLog(() => client), retry: false })
      for (const offset of ['', 'x']) {
        const long = offset + '🎉'.repeat(500_000)
        afterCommit('long', () => Promise.reject(hostile(long)))
      }
      await afterCommit.idle()
      const payload = JSON.stringify({ text: '🎉'.repeat(100_000) })
      await prismaFailureLog(() => client).write([record({ payload })])

      assert.deepEqual(log.at('fatal'), [])
      const rows = await db.query<Record<string, string>>('SELECT * FROM "TaskFailure"')
      for (const row of rows.filter(({ task }) => task === 'long')) {
        for (const name of ['errorName', 'errorMessage', 'errorStack']) {
          assert.match(row[name] ?? '', /^x?🎉{10,}$/u, `${name}: ${row[name]?.slice(-3)}`)
          assert.ok((row[name]?.length ?? 0) <= 10_000)
        }
      }
      assert.ok(rows.some((row) => row['payload'] === payload))
    })

    test('long names of tasks, errors and requests are cut rather than refused', async () => {
      await db.reset()
      const client = db.newClient()
      const long = 'n'.repeat(1_000)
      const { afterCommit, log } = start({
        failureLog: prismaFailureLog(() => client),
        retry: false,
        requestId: () => long,
      })
      afterCommit(long, () => Promise.reject(hostile(long)))
      await afterCommit.idle()
      assert.deepEqual(log.at('fatal'), [])
      assert.equal(await count(db), 1)
    })

    test('a table that is there is said nothing about', async () => {
      const client = db.newClient()
      const failureLog = prismaFailureLog(() => client)
      await failureLog.check?.()
    })

    test('a missing table is said at the start, once, with the model to paste', async () => {
      await db.execute('ALTER TABLE "TaskFailure" RENAME TO "TaskFailureGone"')
      const { afterCommit, log } = start({ failureLog: prismaFailureLog(() => prisma) })
      const prisma = afterCommit.watch(db.newClient())
      afterCommit.watch(db.newClient())
      const { message } = await until(() => log.at('error')[0])
      assert.match(message, /failure log is not usable: The table of the failure log does not exist/)
      const schema = await models('schema.prisma')
      const [model] = /model TaskFailure \{[^]*?\n\}/.exec(message.replaceAll(/[ \t]+/g, ' ')) ?? []
      assert.ok(model && schema.includes(model), 'the model to paste is the one of schema.prisma')
      await prisma.$transaction((tx) => tx.user.count())
      assert.equal(log.at('error').length, 1)
      await db.execute('ALTER TABLE "TaskFailureGone" RENAME TO "TaskFailure"')
    })

    test('the rows do not take part in a transaction of the application', async () => {
      await db.reset()
      const { afterCommit } = start({ failureLog: prismaFailureLog(() => prisma), retry: false })
      const prisma = afterCommit.watch(db.newClient())
      const failed = await prisma.$transaction(() =>
        Promise.resolve(afterCommit('fails', () => Promise.reject(new Error('boom')))),
      )
      await failed.settled
      await afterCommit.idle()
      await assert.rejects(
        prisma.$transaction(async () => {
          await afterCommit.idle()
          throw new Error('rolled back')
        }),
      )
      assert.equal(await count(db), 1)
    })
  })

  test('the fragment to paste is the model of schema.prisma too', async () => {
    const [model] = /model TaskFailure \{[^]*?\n\}/.exec(await models('fragments/task-failure.prisma')) ?? []
    assert.ok(model && (await models('schema.prisma')).includes(model))
  })
})
