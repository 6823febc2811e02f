// testTransaction(afterCommit, prisma): every test in a transaction that is rolled back at its end.
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import type { PrismaClient } from '../../prisma/client/sqlite/client.js'
import { capture, fakeClient, inline, testTransaction, type TestTransaction } from '../../src/testing/index.js'
import { createAfterCommit } from '../../src/index.js'
import { forEachDatabase, type TestDatabase } from '../support/databases.js'
import { recordingLogger } from '../support/recorders.js'
import { deferred } from '../support/wait.js'
import { insert, rowsOf, type Watched, watched } from '../support/watched.js'

const fail = async (): Promise<never> => {
  throw new Error('no')
}

const begin = (db: TestDatabase): Watched & { test: TestTransaction<PrismaClient>; app: PrismaClient } => {
  const world = watched(db)
  const own = testTransaction(world.afterCommit, world.prisma)
  return { ...world, test: own, app: own.client }
}

/** The rows that the application sees. */
const seen = async (app: PrismaClient): Promise<string[]> => {
  const rows = await app.user.findMany({ orderBy: { id: 'asc' } })
  return rows.map(({ email }) => email)
}

forEachDatabase((db) => {
  let world: ReturnType<typeof begin>
  beforeEach(async () => {
    await db.reset()
    world = begin(db)
    await world.test.begin()
  })
  // Whatever has happened in a test, nobody sees it afterwards.
  afterEach(async () => {
    await world.test.rollback()
    assert.deepEqual(await rowsOf(db), [])
  })

  test('runs the tasks when the transaction of the application ends, although its rows are gone after the test', async () => {
    const { app, both, ran, afterCommit } = world
    const result = await app.$transaction(async (tx) => {
      await both(tx, 'a')
      assert.equal(afterCommit.inTransaction(), true)
      return 'result'
    })
    await afterCommit.idle()
    assert.equal(result, 'result')
    assert.equal(afterCommit.inTransaction(), false)
    assert.deepEqual([ran, await seen(app)], [['a'], ['a']])
  })

  test('drops the tasks of a transaction of the application that rolls back, and of a savepoint in one', async () => {
    const { app, both, ran, events, afterCommit } = world
    const error = new Error('no')
    const rolledBack = deferred()
    const failing = app.$transaction(async (tx) => {
      await both(tx, 'a')
      afterCommit.onRollback(() => rolledBack.resolve())
      throw error
    })
    await assert.rejects(failing, (thrown) => thrown === error)
    await rolledBack.promise
    await app.$transaction(async (tx) => {
      await both(tx, 'b')
      const savepoint = tx.$transaction(async (nested) => {
        await both(nested, 'c')
        await fail()
      })
      await assert.rejects(savepoint)
      await tx.$transaction((nested) => both(nested, 'd'))
      await afterCommit.idle()
      assert.deepEqual(ran, [], 'the outermost one is still open')
    })
    await afterCommit.idle()
    assert.deepEqual(
      [ran, await seen(app)],
      [
        ['b', 'd'],
        ['b', 'd'],
      ],
    )
    assert.deepEqual(events, ['discarded a', 'discarded c', 'succeeded b', 'succeeded d'])
  })

  test('lets tasks be captured, or run in the promise of the transaction', async () => {
    const { app, both, ran, afterCommit } = world
    const captured = capture(afterCommit)
    await app.$transaction((tx) => both(tx, 'a'))
    assert.deepEqual([captured.tasks.map(({ name }) => name), ran], [['a'], []])
    captured.restore()

    using _ = inline(afterCommit)
    await app.$transaction(async (tx) => {
      await both(tx, 'b')
      afterCommit('opens', async () => {
        await app.$transaction(async (own) => {
          await both(own, 'c')
          afterCommit('opens, too', () => app.$transaction((inner) => both(inner, 'd')))
        })
      })
    })
    assert.deepEqual(
      [ran, await seen(app)],
      [
        ['b', 'c', 'd'],
        ['a', 'b', 'c', 'd'],
      ],
    )
  })

  test('takes queries and tasks outside a transaction of the application as they are', async () => {
    const { app, both, ran, afterCommit } = world
    await both(app, 'a')
    await afterCommit.idle()
    assert.deepEqual([ran, await seen(app)], [['a'], ['a']])
    assert.equal((await app.$queryRaw<unknown[]>`SELECT 1 AS one`).length, 1)
  })

  test('runs transactions that come at the same time one after the other', async () => {
    const { app, both, ran, afterCommit } = world
    const names = ['a', 'b', 'c', 'd', 'e']
    const results = await Promise.allSettled(
      names.map((name) =>
        app.$transaction(async (tx) => {
          await both(tx, name)
          if (name === 'c') await fail()
        }),
      ),
    )
    await afterCommit.idle()
    assert.deepEqual(
      results.map(({ status }) => status === 'fulfilled'),
      [true, true, false, true, true],
    )
    assert.deepEqual(
      [ran.toSorted(), await seen(app)],
      [
        ['a', 'b', 'd', 'e'],
        ['a', 'b', 'd', 'e'],
      ],
    )
  })

  test('nests a transaction of the root client that is opened inside another one', async () => {
    const { app, both, ran, afterCommit } = world
    await app.$transaction(async (tx) => {
      await both(tx, 'a')
      await app.$transaction(async (nested) => {
        await both(nested, 'b')
        await nested.$transaction((inner) => both(inner, 'c'))
        await app.$transaction((inner) => both(inner, 'd'))
        await assert.rejects(app.$transaction(fail))
      })
      await assert.rejects(app.$transaction(fail))
      assert.deepEqual(ran, [])
    })
    await afterCommit.idle()
    assert.deepEqual(
      [ran, await seen(app)],
      [
        ['a', 'b', 'c', 'd'],
        ['a', 'b', 'c', 'd'],
      ],
    )
  })

  test('runs the array form, all of it or nothing', async () => {
    const { app } = world
    const create = (email: string) => app.user.create({ data: { email, name: email } })
    const rows = await app.$transaction([create('a'), create('b')])
    assert.deepEqual(
      rows.map(({ email }) => email),
      ['a', 'b'],
    )
    await assert.rejects(app.$transaction([create('c'), create('a')]), { code: 'P2002' })
    assert.deepEqual(await seen(app), ['a', 'b'])
  })

  test('treats a swallowed error of a query as the database does', async () => {
    const { app, both, ran, afterCommit } = world
    await insert(app, 'taken')
    const swallowing = app.$transaction(async (tx) => {
      await both(tx, 'a')
      await assert.rejects(async () => await insert(tx, 'taken'), { code: 'P2002' })
    })
    const aborts = db.provider === 'postgresql'
    if (aborts) await assert.rejects(swallowing, { code: 'ERR_TRANSACTION_ABORTED' })
    else await swallowing
    await afterCommit.idle()
    assert.deepEqual([ran, await seen(app)], aborts ? [[], ['taken']] : [['a'], ['taken', 'a']])
  })

  test('accepts a task that registers after its transaction has ended', async () => {
    const { app, both, ran, afterCommit } = world
    const over = deferred()
    let late: Promise<unknown> | undefined
    await app.$transaction(async (tx) => {
      late = over.promise.then(() => world.task('late'))
      await both(tx, 'a')
    })
    over.resolve()
    await late
    await afterCommit.idle()
    assert.deepEqual(ran, ['a', 'late'])
  })

  test('begins a new transaction for each test', async () => {
    const { app, test: own } = world
    await insert(app, 'a')
    await own.rollback()
    await own.begin()
    assert.deepEqual(await seen(app), [])
    await insert(app, 'b')
  })

  test('keeps the extensions of the client that it was given', async () => {
    const { prisma, afterCommit, both, ran } = world
    await world.test.rollback()
    const extended = prisma.$extends({ client: { $hello: () => 'hello' } })
    const own = testTransaction(afterCommit, extended)
    await own.begin()
    await own.client.$transaction(async (tx) => {
      assert.equal(tx.$hello(), 'hello')
      await both(tx, 'a')
    })
    assert.equal(own.client.$hello(), 'hello')
    await own.rollback()
    await afterCommit.idle()
    assert.deepEqual(ran, ['a'])
  })
})

function start(): TestTransaction<PrismaClient> {
  const afterCommit = createAfterCommit({ logger: recordingLogger() })
  return testTransaction(afterCommit, afterCommit.watch(fakeClient<PrismaClient>().client))
}

describe('testTransaction', () => {
  test('throws where its client is used outside a test', async () => {
    const own = start()
    assert.throws(() => own.client.user, { code: 'ERR_OPTIONS' })
    await own.begin()
    await insert(own.client, 'a')
    await own.rollback()
    assert.throws(() => own.client.$transaction([]), { code: 'ERR_OPTIONS' })
    await own.rollback()
  })

  test('throws where a test has not been rolled back, and where a transaction would be extended', async () => {
    const own = start()
    await own.begin()
    await assert.rejects(own.begin(), { code: 'ERR_OPTIONS' })
    assert.throws(() => own.client.$extends({}), { code: 'ERR_OPTIONS' })
    await own.rollback()
  })

  test('rejects begin() where there is no database', async () => {
    const afterCommit = createAfterCommit({ logger: recordingLogger() })
    const unwatched = fakeClient<PrismaClient>().client
    await assert.rejects(testTransaction(afterCommit, unwatched).begin(), { code: 'ERR_OPTIONS' })
  })
})
