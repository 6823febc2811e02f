import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import pg from 'pg'
import { defineEvent, prismaFailureLog, type TaskContext } from '../../src/index.js'
import { throughPrisma } from '../../src/outbox/database.js'
import { handlersOf, messagesFrom } from '../../src/outbox/fan-out.js'
import { inbox } from '../../src/outbox/index.js'
import type { ClaimedMessage } from '../../src/outbox/message.js'
import { claimOf } from '../../src/outbox/source.js'
import { pollingSource } from '../../src/outbox/polling-source.js'
import type { PrismaClient } from '../../prisma/client/sqlite/client.js'
import { capture, fakeClient } from '../../src/testing/index.js'
import { forEachDatabase, type TestDatabase } from '../support/databases.js'
import { durable, messagesOf, relaying, relayOf } from '../support/outbox.js'
import { insert, rowsOf, sharedClient, type Tx } from '../support/watched.js'
import { until } from '../support/wait.js'

interface Placed {
  readonly order: number
  readonly user?: string
}

const options = { durable: true, key: ({ user }: Placed) => `user:${user ?? ''}` } as const

/** An event with subscribers of these names, and what each was told. */
function placed(...names: string[]) {
  const event = defineEvent<Placed>('order-placed', options)
  const told = Object.fromEntries(names.map((name): [string, number[]] => [name, []]))
  const tasks = names.map((name) => event.subscriber(name, ({ order }) => void told[name]?.push(order)))
  return { event, told, tasks }
}

const statusesOf = async (db: TestDatabase): Promise<string[]> =>
  (await messagesOf(db)).map(({ messageType, status }) => `${messageType} ${status}`)

describe('A durable event', () => {
  forEachDatabase((db) => {
    beforeEach(() => db.reset())
    const isEmpty = async () => (await messagesOf(db)).length === 0

    test('is one message of its transaction, and the relay hands it to each subscriber with the same message id', async (t) => {
      const seen: unknown[] = []
      const event = defineEvent<Placed>('order-placed', options)
      const listen = (payload: Placed, { id, name, messageId, attempt }: TaskContext): void =>
        void seen.push({ payload, id, name, messageId, attempt })
      const tasks = [event.subscriber('mail', listen), event.subscriber('points', listen)]
      const made = durable(db, tasks, { requestId: () => 'r-1', options: { headers: () => ({ traceparent: '00-1' }) } })
      const { afterCommit, prisma } = made
      const handles = await prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        return afterCommit(event, { order: 1, user: 'ada' })
      })
      const [handle, ...others] = handles
      assert.deepEqual([await handle?.settled, others], [{ status: 'stored', attempts: 0 }, []])
      const [row, ...rows] = await messagesOf(db)
      assert.deepEqual(rows, [])
      assert.deepEqual([row?.messageType, row?.messageId, row?.key], ['order-placed', handle?.id, 'user:ada'])
      assert.deepEqual(JSON.parse(row?.headers ?? ''), {
        requestId: 'r-1',
        traceparent: '00-1',
        subscribers: '["order-placed:mail","order-placed:points"]',
      })

      const relay = relayOf(t, made)
      await relay.start()
      await until(isEmpty)
      const id = handle?.id ?? ''
      const expected = ['order-placed:mail', 'order-placed:points'].map((name) => ({
        payload: { order: 1, user: 'ada' },
        id: `${id}:${name}`,
        name,
        messageId: id,
        attempt: 1,
      }))
      assert.deepEqual(
        seen.toSorted((a, b) => ((a as TaskContext).name < (b as TaskContext).name ? -1 : 1)),
        expected,
      )
      const { claimed, succeeded, stale, errors } = await relay.stop()
      assert.deepEqual({ claimed, succeeded, stale, errors }, { claimed: 3, succeeded: 3, stale: 0, errors: 0 })
    })

    test('its subscribers’ messages carry its headers and the time at which it occurred', async (t) => {
      const { event, tasks } = placed('mail')
      const far = event.subscriber('far', () => undefined)
      const writer = durable(db, [...tasks, far], { requestId: () => 'r-1' })
      await writer.afterCommit(event, { order: 1 })[0]?.settled
      await sharedClient(db).outboxMessage.updateMany({ data: { occurredAt: new Date('2020-01-02T03:04:05.678Z') } })
      const [before] = await db.query<{ occurredAt: unknown }>('SELECT "occurredAt" FROM "OutboxMessage"')
      // Only this one is known here, so the other's message stays to be looked at.
      await relaying(t, db, tasks)
      await until(async () => (await statusesOf(db)).join() === 'order-placed:far pending')
      const [row] = await db.query<{ occurredAt: unknown; headers: string; key: string; attempts: number }>(
        'SELECT "occurredAt", "headers", "key", "attempts" FROM "OutboxMessage"',
      )
      assert.deepEqual(
        { ...row },
        { occurredAt: before?.occurredAt, headers: '{"requestId":"r-1"}', key: 'order-placed:far user:', attempts: 0 },
      )
    })

    test('one subscriber’s failures are its own: it is dead, and the others and their keys go on', async (t) => {
      const { event, tasks, told } = placed('mail', 'points')
      let down = true
      const broken = event.subscriber('broken', ({ order }, { attempt }) => {
        if (down && order === 1) throw new Error(`no ${attempt}`)
        ;(told['broken'] ??= []).push(order)
      })
      const { afterCommit, outbox, prisma, relay } = await relaying(t, db, [broken, ...tasks], {
        relay: { maxAttempts: 2 },
      })
      await prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        for (const order of [1, 2, 3]) afterCommit(event, { order, user: 'ada' })
      })
      await until(() => told['mail']?.length === 3 && told['points']?.length === 3)
      await until(() => relay.stats().dead === 1)
      assert.deepEqual({ ...told }, { mail: [1, 2, 3], points: [1, 2, 3] })
      const [dead, ...others] = await outbox.dead.list()
      assert.deepEqual(others, [])
      assert.deepEqual(
        [dead?.messageType, dead?.attempts, dead?.lastError?.split('\n')[0]],
        ['order-placed:broken', 2, 'Error: no 2'],
      )
      // What is behind it, of that subscriber alone, waits.
      await until(async () => (await messagesOf(db)).length === 3)
      down = false
      assert.equal(await outbox.dead.retry(dead?.id ?? ''), true)
      await until(isEmpty)
      assert.deepEqual(told['broken'], [1, 2, 3])
    })

    test('with the inbox each subscriber has its effect once, however often the message comes', async (t) => {
      const client = sharedClient(db)
      const effects: [string, boolean][] = []
      const event = defineEvent<Placed>('order-placed', { durable: true })
      const tasks = ['mail', 'points'].map((name) =>
        event.subscriber(name, async (_, context) => {
          effects.push([name, await inbox(client, context, (tx: Tx) => insert(tx, name))])
          if (context.attempt === 1) throw new Error('the answer was lost')
        }),
      )
      const { afterCommit, relay } = await relaying(t, db, tasks)
      afterCommit(event, { order: 1 })
      await until(() => relay.stats().succeeded === 3)
      assert.deepEqual(effects.map(String).toSorted(), ['mail,false', 'mail,true', 'points,false', 'points,true'])
      assert.deepEqual((await rowsOf(db)).toSorted(), ['mail', 'points'])
    })

    test('a relay that has lost its lease hands it to nobody, and one that fails midway has done nothing', async () => {
      const { event } = placed()
      const { afterCommit } = durable(db, [])
      await afterCommit(event, { order: 1, user: 'ada' })[0]?.settled
      const database = throughPrisma(sharedClient(db), db.provider)
      const sourceOf = (lease: number) =>
        pollingSource({ database, lease, types: ['order-placed'], deadBlocks: true, keep: false })
      const stale = sourceOf(1)
      const [message] = await stale.claim(1)
      await until(() => stale.hasSuspects())
      const taken = await sourceOf(60_000).claimSuspect()
      assert.ok(message && taken)
      const handler = handlersOf([event.subscriber('mail', () => undefined)]).get('order-placed')
      assert.ok(handler)
      const fanned = ({ id, token }: ClaimedMessage) => ({
        heldId: id,
        heldToken: token,
        messages: messagesFrom(message, handler) ?? [],
      })
      assert.deepEqual(await stale.fanOut([fanned(message)]), new Set())
      assert.deepEqual(await statusesOf(db), ['order-placed processing'])

      const broken = fanned(taken).messages.map((each) => Object.assign(each, { payload: null as never }))
      await assert.rejects(stale.fanOut([{ ...fanned(taken), messages: [...fanned(taken).messages, ...broken] }]))
      assert.deepEqual(await statusesOf(db), ['order-placed processing'])

      assert.deepEqual(await stale.fanOut([fanned(taken), fanned(message)]), new Set([claimOf(fanned(taken))]))
      assert.deepEqual(await statusesOf(db), ['order-placed:mail pending'])
    })

    test('whom the writer knows and the relay does not yet is told by a relay that does', async (t) => {
      const { event, tasks, told } = placed('mail', 'points')
      const { afterCommit } = durable(db, tasks)
      await afterCommit(event, { order: 1 })[0]?.settled
      const old = await relaying(t, db, tasks.slice(0, 1))
      await until(() => told['mail']?.length === 1)
      await until(async () => (await statusesOf(db)).join() === 'order-placed:points pending')
      await old.relay.stop()
      await relaying(t, db, tasks.slice(1))
      await until(isEmpty)
      assert.deepEqual(told, { mail: [1], points: [1] })
    })

    test('whom the relay knows and the writer does not is told too, and a writer may know nobody', async (t) => {
      const { event, tasks, told } = placed('mail', 'points')
      await durable(db, tasks.slice(0, 1)).afterCommit(event, { order: 1 })[0]?.settled
      await durable(db, []).afterCommit(event, { order: 2 })[0]?.settled
      const [, second] = await messagesOf(db)
      assert.equal(second?.headers, null)
      await relaying(t, db, tasks)
      await until(isEmpty)
      assert.deepEqual(
        [told['mail']?.toSorted(), told['points']?.toSorted()],
        [
          [1, 2],
          [1, 2],
        ],
      )
    })

    test('nobody who hears of it: it waits for a relay that knows a subscriber, and is dead after the grace', async (t) => {
      const { event, tasks, told } = placed('mail')
      const other = defineEvent('other', { durable: true }).subscriber('s', () => undefined)
      const { afterCommit, outbox, relay } = await relaying(t, db, [other], { relay: { unknownTaskGrace: 100 } })
      await afterCommit(event, { order: 1 })[0]?.settled
      await until(() => relay.stats().dead === 1)
      const [dead] = await outbox.dead.list()
      assert.deepEqual([dead?.messageType, dead?.attempts], ['order-placed', 0])
      const late = await relaying(t, db, tasks)
      assert.equal(await late.outbox.dead.retry(dead?.id ?? ''), true)
      await until(isEmpty)
      assert.deepEqual(told, { mail: [1] })
    })

    test('an event that is listed itself is known: it is done although nobody hears of it', async (t) => {
      const { event } = placed()
      const { afterCommit, relay } = await relaying(t, db, [event])
      await afterCommit(event, { order: 1 })[0]?.settled
      await until(() => relay.stats().succeeded === 1)
      assert.ok(await isEmpty())
    })

    test('a long name and a long key are handed on, each key still in order', async (t) => {
      const told: string[] = []
      const event = defineEvent<number>('e'.repeat(150), { durable: true, key: () => 'k'.repeat(191) })
      const tasks = ['a', 'b'].map((name) => event.subscriber(name, (n) => void told.push(`${name}${n}`)))
      const { afterCommit, prisma } = await relaying(t, db, tasks, { relay: { batch: 3 } })
      const numbers = Array.from({ length: 10 }, (_, n) => n)
      await prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        for (const n of numbers) afterCommit(event, n)
      })
      await until(() => told.length === 20)
      for (const name of ['a', 'b']) {
        const own = told.filter((each) => each.startsWith(name))
        assert.deepEqual(
          own,
          numbers.map((n) => `${name}${n}`),
        )
      }
    })

    test('with `retention: "keep"` it is a done row, as its subscribers’ messages are', async (t) => {
      const { event, tasks } = placed('mail')
      const { afterCommit, relay } = await relaying(t, db, tasks, { relay: { retention: 'keep' } })
      afterCommit(event, { order: 1 })
      await until(() => relay.stats().succeeded === 2)
      assert.deepEqual(await statusesOf(db), ['order-placed done', 'order-placed:mail done'])
    })

    test('the array form stores it', async (t) => {
      const { event, tasks, told } = placed('mail')
      const keyless = defineEvent<Placed>('order-placed', { durable: true })
      const { afterCommit, prisma } = await relaying(t, db, tasks)
      const user = prisma.user.create({ data: { email: 'a', name: 'a' } })
      await prisma.$transaction([user, afterCommit.message(db.provider === 'mysql' ? keyless : event, { order: 5 })])
      await until(isEmpty)
      assert.deepEqual(told, { mail: [5] })
    })

    test('one that could not be stored is a failure, and its retry stores it', async () => {
      const { event, tasks } = placed('mail')
      const failureLog = prismaFailureLog(() => sharedClient(db))
      const { afterCommit, outbox } = durable(db, tasks, { failureLog })
      const store = outbox.insert.bind(outbox)
      outbox.insert = () => Promise.reject(new Error('gone'))
      const [handle] = afterCommit(event, { order: 1 })
      await afterCommit.idle()
      outbox.insert = store
      const again = await afterCommit.failures.retry(handle?.id ?? '')
      assert.deepEqual(await again.settled, { status: 'stored', attempts: 0 })
      const [row, ...others] = await messagesOf(db)
      assert.deepEqual([row?.messageType, row?.payload, others], ['order-placed', '{"order":1}', []])
    })

    test('a test that captures tasks captures those of its subscribers', async () => {
      const { event, tasks, told } = placed('mail', 'points')
      const { afterCommit, prisma } = durable(db, tasks)
      const captured = capture(afterCommit)
      await prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        afterCommit(event, { order: 1 })
      })
      assert.deepEqual(
        captured.tasks.map(({ name }) => name),
        ['order-placed:mail', 'order-placed:points'],
      )
      await captured.run()
      captured.restore()
      assert.deepEqual(told, { mail: [1], points: [1] })
      assert.deepEqual(await messagesOf(db), [])
    })
  })

  test('a subscriber whose name does not fit the table is refused: at the call, and by the relay', () => {
    const event = defineEvent('e', { durable: true })
    const task = event.subscriber('s'.repeat(190), () => undefined)
    const made = durable({} as never, [task], { base: fakeClient<PrismaClient>().client })
    assert.throws(() => made.afterCommit(event), { code: 'ERR_PAYLOAD', message: /The name of `e:sss/ })
    assert.throws(() => relayOf({ after: () => undefined } as never, made), {
      code: 'ERR_OPTIONS',
      message: /at most 191 characters/,
    })
  })

  forEachDatabase(
    (db) => {
      test('a relay with a pool of pg hands it to its subscribers', async (t) => {
        const pool = new pg.Pool({ connectionString: db.url, max: 3 })
        pool.on('error', () => undefined)
        t.after(() => pool.end())
        const { event, tasks, told } = placed('mail', 'points')
        const { afterCommit } = await relaying(t, db, tasks, { relay: { pool } })
        for (const order of [1, 2, 3]) await afterCommit(event, { order, user: `${order}` })[0]?.settled
        await until(() => told['mail']?.length === 3 && told['points']?.length === 3)
        await until(async () => (await messagesOf(db)).length === 0)
        assert.deepEqual(told['mail']?.toSorted(), [1, 2, 3])
      })
    },
    { only: ['postgresql'] },
  )
})
