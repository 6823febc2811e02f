import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { createAfterCommit, defineTask } from '../../src/index.js'
import { forEachDatabase } from '../support/databases.js'
import { durable, messagesOf, payloadsOf } from '../support/outbox.js'
import { lacks, savepoints } from '../support/prisma-version.js'
import { insert, rowsOf } from '../support/watched.js'
import { deferred } from '../support/wait.js'

const points = defineTask('points', (_payload: number) => undefined, { durable: true })
const boom = new Error('boom')

describe('Rule 29: a durable task is a row of its own transaction: all of them in one INSERT before COMMIT, or none after a rollback', () => {
  forEachDatabase((db) => {
    beforeEach(() => db.reset())

    test('the rows are there when $transaction resolves, in the order of registration over all levels', async (t) => {
      if (lacks(t, savepoints)) return
      const { afterCommit, prisma } = durable(db, [points], { requestId: () => 'r-1' })
      const handle = await prisma.$transaction(async (tx) => {
        const first = afterCommit(points, 1)
        await tx.$transaction(async (nested) => {
          afterCommit(points, 2)
          await insert(nested, 'a')
        })
        afterCommit(points, 3)
        assert.deepEqual(await payloadsOf(db), [])
        return first
      })
      const rows = await messagesOf(db)
      assert.deepEqual(await rowsOf(db), ['a'])
      assert.deepEqual(
        rows.map(({ payload }) => payload),
        ['1', '2', '3'],
      )
      const [row] = rows
      assert.match(handle.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      const { messageId, messageType, status, headers, key, attempts, lockToken } = row ?? ({} as never)
      assert.deepEqual(
        { messageId, messageType, status, headers, key, attempts, lockToken },
        {
          messageId: handle.id,
          messageType: 'points',
          status: 'pending',
          headers: '{"requestId":"r-1"}',
          key: null,
          attempts: 0,
          lockToken: 0,
        },
      )
      assert.deepEqual(await handle.settled, { status: 'stored', attempts: 0 })
      assert.equal(afterCommit.stats().stored, 3)
      assert.equal(afterCommit.stats().accepted, 3)
    })

    test('a rollback of the transaction, or of a savepoint, takes its messages with it', async (t) => {
      if (lacks(t, savepoints)) return
      const { afterCommit, prisma } = durable(db, [points])
      const rejected = prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        afterCommit(points, 1)
        throw boom
      })
      await assert.rejects(rejected, boom)
      assert.deepEqual(await payloadsOf(db), [])

      const dropped = await prisma.$transaction(async (tx) => {
        afterCommit(points, 2)
        const handles: { settled: Promise<unknown> }[] = []
        const savepoint = tx.$transaction(async () => {
          handles.push(afterCommit(points, 3))
          throw boom
        })
        await savepoint.catch(() => undefined)
        return handles
      })
      assert.deepEqual(await payloadsOf(db), [2])
      assert.deepEqual(await dropped[0]?.settled, { status: 'discarded', attempts: 0, error: boom })
    })

    test('they are there, too, where the commit had to be verified first: a query was still under way', async () => {
      const { afterCommit, prisma } = durable(db, [points])
      const queries: PromiseLike<unknown>[] = []
      const handle = await prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        queries.push(insert(tx, 'nobody awaits it').then(() => undefined)) // which sends it
        return afterCommit(points, 1)
      })
      await Promise.all(queries)
      assert.deepEqual([await payloadsOf(db), await rowsOf(db)], [[1], ['a', 'nobody awaits it']])
      assert.deepEqual(await handle.settled, { status: 'stored', attempts: 0 })
    })

    test('all messages go in one statement, which has one text for a message and another one for any number of them', async () => {
      const base = db.newClient({ log: [{ level: 'query', emit: 'event' }] })
      const inserts: string[] = []
      base.$on('query', ({ query }) => void (query.includes('OutboxMessage') && inserts.push(query)))
      const { afterCommit, prisma } = durable(db, [points], { base })
      const counts = [1, 2, 50, 1]
      for (const [index, count] of counts.entries()) {
        await prisma.$transaction(async (tx) => {
          await insert(tx, `${index}`)
          for (let n = 0; n < count; n++) afterCommit(points, n)
        })
      }
      const [one, two] = inserts
      assert.notEqual(one, two)
      assert.deepEqual(inserts, [one, two, two, one])
      assert.equal((await messagesOf(db)).length, 54)
    })

    test('a text is stored as it is, in a statement of its own and in one with others', async () => {
      const text = `half a pair \ud800, "quotes", 'others', \\ and \\u0000, %s, $1, ?, ü 🎉\n`
      const note = defineTask(`note 'ü' "🎉" \\ ? $1`, (_payload: string) => undefined, { durable: true })
      const { afterCommit, prisma } = durable(db, [note], { requestId: () => text })
      for (const count of [1, 2]) {
        await prisma.$transaction(async (tx) => {
          await insert(tx, `${count}`)
          for (let n = 0; n < count; n++) afterCommit(note, text)
        })
      }
      assert.deepEqual(await payloadsOf(db), [text, text, text])
      const [alone, ...together] = await messagesOf(db)
      assert.equal(alone?.messageType, note.name)
      for (const { messageType, headers } of together) {
        assert.deepEqual([messageType, headers], [alone?.messageType, alone?.headers])
      }
    })

    test('a message that cannot be stored is the error of the transaction, untouched', async () => {
      const { afterCommit, outbox, prisma } = durable(db, [points])
      const failure = new Error('disk full')
      outbox.insert = () => Promise.reject(failure)
      const rejected = prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        afterCommit(points, 1)
      })
      await assert.rejects(rejected, (error) => error === failure)
      assert.deepEqual(await rowsOf(db), [])
    })

    test('what is registered after the commit, by work that nobody awaited, is inserted on its own', async () => {
      const { afterCommit, prisma } = durable(db, [points])
      const committed = deferred()
      let late: Promise<unknown> | undefined
      await prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        late = committed.promise.then(() => afterCommit(points, 1).settled)
      })
      assert.deepEqual(await payloadsOf(db), [])
      committed.resolve()
      assert.deepEqual(await late, { status: 'stored', attempts: 0 })
      assert.deepEqual(await payloadsOf(db), [1])
    })

    test('outside a transaction it is inserted on its own, and idle() waits for it', async () => {
      const { afterCommit } = durable(db, [points])
      const { settled } = afterCommit(points, 1)
      await afterCommit.idle()
      assert.deepEqual(await payloadsOf(db), [1])
      assert.deepEqual(await settled, { status: 'stored', attempts: 0 })
    })

    test('the array form stores it with a message of its own', async () => {
      const { afterCommit, prisma } = durable(db, [points])
      const user = (email: string) => prisma.user.create({ data: { email, name: email } })
      await prisma.$transaction([user('a'), afterCommit.message(points, 1)])
      await assert.rejects(prisma.$transaction([user('b'), afterCommit.message(points, 2), user('a')]))
      assert.deepEqual(await rowsOf(db), ['a'])
      assert.deepEqual(await payloadsOf(db), [1])
    })

    test('a payload comes out as it went in', async () => {
      const echo = defineTask('echo', (_payload: unknown) => undefined, { durable: true, key: () => 'ключ 🔑 "\\' })
      const { afterCommit, prisma } = durable(db, [echo])
      const payloads = [
        '"quoted" \\ \n\t 🎉 ü',
        { a: [1, 2.5, null, true], 'b c': { d: '' } },
        12_345_678.9,
        null,
        'x'.repeat(200_000),
      ]
      await prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        for (const payload of payloads) afterCommit(echo, payload)
      })
      assert.deepEqual(await payloadsOf(db), payloads)
      assert.deepEqual(new Set((await messagesOf(db)).map(({ key }) => key)), new Set(['ключ 🔑 "\\']))
    })

    test('one in memory and a durable one in the same transaction both follow it', async () => {
      const ran: string[] = []
      const { afterCommit, prisma } = durable(db, [points])
      await prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        afterCommit('closure', () => void ran.push('closure'))
        afterCommit(points, 1)
      })
      await afterCommit.idle()
      assert.deepEqual(ran, ['closure'])
      assert.deepEqual(await payloadsOf(db), [1])
    })

    test('a cancelled one is not stored; a stored one cannot be cancelled', async () => {
      const { afterCommit, prisma } = durable(db, [points])
      const kept = await prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        assert.equal(afterCommit(points, 1).cancel(), true)
        return afterCommit(points, 2)
      })
      assert.equal(kept.cancel(), false)
      assert.deepEqual(await payloadsOf(db), [2])
    })
  })

  test('a durable task without an outbox is refused: at construction where it is known, otherwise at the call', () => {
    assert.throws(() => createAfterCommit({ tasks: [points] }), { code: 'ERR_OPTIONS' })
    assert.throws(() => createAfterCommit({ durable: true }), { code: 'ERR_OPTIONS' })
    assert.throws(() => createAfterCommit()(points, 1), { code: 'ERR_OPTIONS' })
  })
})
