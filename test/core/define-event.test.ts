import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import {
  createAfterCommit,
  defineEvent,
  defineTask,
  type StandardSchema,
  type TaskContext,
  type TaskHandle,
} from '../../src/index.js'
import { capture, inline } from '../../src/testing/index.js'
import { forEachDatabase } from '../support/databases.js'
import { next, start, trace } from '../support/recorders.js'
import { insert, rowsOf, watched } from '../support/watched.js'

interface Placed {
  readonly order: number
}

/** Two subscribers, and what they were told. */
function placed() {
  const told: string[] = []
  const event = defineEvent<Placed>('order-placed')
  const mail = event.subscriber('mail', ({ order }) => void told.push(`mail ${order}`))
  const points = event.subscriber('points', ({ order }, { name }) => void told.push(`${name} ${order}`))
  return { event, mail, points, tasks: [mail, points], told }
}

const boom = new Error('boom')
const run = (): void => undefined

describe('defineEvent', () => {
  forEachDatabase((db) => {
    beforeEach(() => db.reset())

    test('tells each of its subscribers after the commit, and none after a rollback', async () => {
      const { event, tasks, told } = placed()
      const { afterCommit, prisma } = watched(db, { tasks })
      const [mail, ...others] = await prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        const handles = afterCommit(event, { order: 1 })
        assert.deepEqual(told, [])
        return handles
      })
      assert.deepEqual(await mail?.settled, { status: 'succeeded', attempts: 1 })
      assert.deepEqual(
        [mail, ...others].map((handle) => handle?.name),
        ['order-placed:mail', 'order-placed:points'],
      )
      const rejected = prisma.$transaction(async (tx) => {
        await insert(tx, 'b')
        afterCommit(event, { order: 2 })
        throw boom
      })
      await assert.rejects(rejected, boom)
      await afterCommit.idle()
      assert.deepEqual(told, ['mail 1', 'order-placed:points 1'])
      assert.deepEqual(await rowsOf(db), ['a'])
    })
  })

  test('each subscriber is a task: counted, retried and failed on its own, and run again from its own row', async () => {
    const told: string[] = []
    let down = true
    const event = defineEvent<Placed>('order-placed')
    const mail = event.subscriber('mail', () => void told.push('mail'))
    const broken = event.subscriber(
      'broken',
      ({ order }, { attempt }) => {
        told.push(`broken ${attempt}`)
        if (down) throw new Error(`no ${order}`)
      },
      { retry: { retries: 1, minTimeout: 1 } },
    )
    const { afterCommit, failures } = start({ tasks: [broken, mail] })
    const events = trace(afterCommit)
    afterCommit(event, { order: 7 })
    await afterCommit.idle()
    assert.deepEqual(told, ['broken 1', 'mail', 'broken 2'])
    assert.deepEqual(
      [':broken', ':mail'].map((name) =>
        events.filter((line) => line.endsWith(name)).map((line) => line.split(' ')[0]),
      ),
      [
        ['accepted', 'started', 'retrying', 'started', 'failed'],
        ['accepted', 'started', 'succeeded'],
      ],
    )
    const { accepted, succeeded, failed } = afterCommit.stats()
    assert.deepEqual({ accepted, succeeded, failed }, { accepted: 2, succeeded: 1, failed: 1 })
    const [record, ...more] = failures.records
    assert.deepEqual([record?.task, record?.payload, more], ['order-placed:broken', '{"order":7}', []])
    down = false
    const again = await afterCommit.failures.retry(record?.id ?? '')
    assert.equal((await again.settled).status, 'succeeded')
    assert.deepEqual(told, ['broken 1', 'mail', 'broken 2', 'broken 1'])
  })

  test('each subscriber gets a copy of the payload, which a schema has checked once', async () => {
    const seen: unknown[] = []
    let checks = 0
    const schema: StandardSchema<{ order: string }, { order: number; tags: string[] }> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate(value) {
          checks++
          const { order } = value as { order: unknown }
          if (typeof order !== 'string') return { issues: [{ message: 'a text', path: ['order'] }] }
          return { value: { order: Number(order), tags: [] } }
        },
      },
    }
    const event = defineEvent('order-placed', { schema })
    const listen = (payload: { order: number; tags: string[] }): void => {
      payload.tags.push('seen')
      seen.push(payload)
    }
    const { afterCommit } = start({ tasks: [event.subscriber('one', listen), event.subscriber('two', listen)] })
    afterCommit(event, { order: '7' })
    await afterCommit.idle()
    assert.deepEqual(seen, [
      { order: 7, tags: ['seen'] },
      { order: 7, tags: ['seen'] },
    ])
    assert.equal(checks, 1)
    assert.throws(() => afterCommit(event, { order: 7 } as never), {
      code: 'ERR_PAYLOAD',
      message: 'The payload of `order-placed` does not fit its schema: order: a text',
    })
    assert.equal(afterCommit.stats().accepted, 2)
  })

  test('who subscribes is what the instance lists: without any, nothing happens', async () => {
    const { event, mail, points, told } = placed()
    const { afterCommit } = start({ tasks: [points] })
    assert.equal(afterCommit(event, { order: 1 }).length, 1)
    assert.deepEqual(start().afterCommit(event, { order: 2 }), [])
    await afterCommit.idle()
    assert.deepEqual(told, ['order-placed:points 1'])
    assert.equal(mail.name, 'order-placed:mail')
  })

  test('its options are those of each subscriber that says nothing else', async () => {
    const attempts: string[] = []
    const event = defineEvent('fails', { retry: false })
    const fail = (_: void, { name, attempt }: TaskContext): void => {
      attempts.push(`${name} ${attempt}`)
      throw boom
    }
    const twice = { retry: { retries: 1, minTimeout: 1 } }
    const { afterCommit } = start({ tasks: [event.subscriber('once', fail), event.subscriber('twice', fail, twice)] })
    afterCommit(event)
    await afterCommit.idle()
    assert.deepEqual(attempts.toSorted(), ['fails:once 1', 'fails:twice 1', 'fails:twice 2'])
  })

  test('a full pool refuses all of its subscribers or none', async () => {
    const { event, tasks, told } = placed()
    const { afterCommit } = start({ tasks, maxPending: 1, overflow: 'refuse' })
    assert.throws(() => afterCommit(event, { order: 1 }), { code: 'ERR_POOL_FULL' })
    await afterCommit.idle()
    assert.deepEqual(told, [])
    const { accepted, cancelled, pending, reserved } = afterCommit.stats()
    assert.deepEqual({ accepted, cancelled, pending, reserved }, { accepted: 1, cancelled: 1, pending: 0, reserved: 0 })
  })

  test('a task may tell an event, and idle() waits for its subscribers', async () => {
    const { event, tasks, told } = placed()
    const { afterCommit } = start({ tasks })
    afterCommit('outer', () => void afterCommit(event, { order: 3 }))
    await afterCommit.idle()
    assert.deepEqual(told, ['mail 3', 'order-placed:points 3'])
  })

  test('tests capture the tasks of its subscribers, or run them inline', async () => {
    const { event, tasks, told } = placed()
    const { afterCommit } = start({ tasks })
    const captured = capture(afterCommit)
    afterCommit(event, { order: 1 })
    assert.deepEqual(
      captured.tasks.map(({ name, payload }) => [name, payload]),
      [
        ['order-placed:mail', { order: 1 }],
        ['order-placed:points', { order: 1 }],
      ],
    )
    captured.restore()
    const inlined = inline(afterCommit)
    afterCommit(event, { order: 2 })
    await inlined.idle()
    inlined.restore()
    assert.deepEqual(told, ['mail 2', 'order-placed:points 2'])
  })

  test('a subscriber is a task of its own, which can be registered alone', async () => {
    const { mail, told } = placed()
    const { afterCommit } = start()
    await afterCommit(mail, { order: 9 }).settled
    assert.deepEqual(told, ['mail 9'])
  })

  test('refuses wrong names and options, and options in the wrong place', () => {
    const { event, mail } = placed()
    const wrong: [() => unknown, RegExp][] = [
      [() => defineEvent(''), /`name` to be a non-empty string/],
      [() => defineEvent('e', { key: 'k' } as never), /`key` to be a function/],
      [() => defineEvent('e', { thread: true } as never), /`run` to be the file: URL/],
      [() => event.subscriber('', run), /`name` to be a non-empty string/],
      [() => event.subscriber('s', run, { retries: 1 } as never), /Unknown option `retries`/],
      [() => event.subscriber('s', {} as never), /`run` to be a function/],
      [() => createAfterCommit({ tasks: [mail, event.subscriber('mail', run)] }), /different names/],
      [() => createAfterCommit({ tasks: [mail, defineTask('order-placed', run)] }), /events with different names/],
      [
        () => createAfterCommit({ tasks: [defineEvent('d', { durable: true }).subscriber('s', run)] }),
        /`outbox` to be what createOutbox returned/,
      ],
    ]
    for (const [act, message] of wrong) assert.throws(act, { code: 'ERR_OPTIONS', message })
  })

  test('its context is that of the caller, and its failures say which request it was', async () => {
    const event = defineEvent('seen')
    const fails = event.subscriber('fails', () => Promise.reject(boom), { retry: false })
    const { afterCommit, failures } = start({ tasks: [fails], requestId: () => 'r-1' })
    const failed = next(afterCommit, 'failed')
    const [handle] = afterCommit(event)
    const { task, error } = await failed
    await afterCommit.idle()
    assert.deepEqual([task.id, error], [handle?.id, boom])
    assert.equal(failures.records[0]?.requestId, 'r-1')
  })
})

/** Compiled, never called. */
export function types(): readonly TaskHandle[] {
  const { afterCommit } = start()
  const { event } = placed()
  const bare = defineEvent('bare')
  bare.subscriber('s', () => undefined)
  // @ts-expect-error the payload is missing
  afterCommit(event)
  // @ts-expect-error a property has another type
  afterCommit(event, { order: '1' })
  // @ts-expect-error an event without a payload takes none
  afterCommit(bare, { order: 1 })
  // @ts-expect-error a subscriber has no key of its own
  event.subscriber('s', () => undefined, { key: () => 'k' })
  event.subscriber('s', (payload) => payload.order.toFixed())
  return afterCommit(bare)
}
