import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createAfterCommit, defineTask, type TaskContext } from '../../src/index.js'
import { createOutbox, type OutboxOptions } from '../../src/outbox/index.js'
import { newMessageId } from '../../src/outbox/message.js'
import { capture, fakeClient, inline } from '../../src/testing/index.js'

const points = defineTask('points', (_payload: string) => undefined, { durable: true })

function instance(options: OutboxOptions = {}) {
  const database = fakeClient()
  const outbox = createOutbox(() => database.client, { provider: 'postgresql', ...options })
  const afterCommit = createAfterCommit({ outbox, logger: quiet })
  return { afterCommit, outbox, database, prisma: afterCommit.watch(database.client) as typeof database.client & Fake }
}

interface Fake {
  $transaction<R>(run: (tx: object) => Promise<R>): Promise<R>
}

describe('createOutbox', () => {
  test('refuses at the call what is too big, so that the transaction decides', async () => {
    const { afterCommit, prisma, database } = instance({ maxPayload: 10 })
    const rejected = prisma.$transaction(async () => {
      afterCommit(points, 'ü'.repeat(5))
    })
    await assert.rejects(rejected, { code: 'ERR_PAYLOAD', message: /`points` has 12 bytes, at most 10/ })
    assert.deepEqual(database.committed, [])
  })

  test('refuses a key that is no short text', () => {
    const { afterCommit } = instance()
    for (const key of ['', 'x'.repeat(192), 'a\0b', 7 as unknown as string]) {
      const keyed = defineTask('keyed', () => undefined, { durable: true, key: () => key })
      assert.throws(() => afterCommit(keyed), { code: 'ERR_PAYLOAD', message: /key of `keyed`/ })
    }
  })

  test('refuses a closure where tasks are durable by default: it cannot be stored', () => {
    const outbox = createOutbox(() => fakeClient().client)
    const afterCommit = createAfterCommit({ outbox, durable: true, logger: quiet })
    assert.throws(() => afterCommit('closure', () => undefined), {
      code: 'ERR_PAYLOAD',
      message: /`closure` is a closure/,
    })
  })

  test('a task may stay in memory where the default is durable', async () => {
    const outbox = createOutbox(() => fakeClient().client)
    const afterCommit = createAfterCommit({ outbox, durable: true, logger: quiet })
    const { settled } = afterCommit(defineTask('memory', () => undefined, { durable: false }))
    assert.equal((await settled).status, 'succeeded')
  })

  test('refuses wrong and unknown options, and a client of which nobody knows the database', async () => {
    assert.throws(() => createOutbox({} as never), { code: 'ERR_OPTIONS' })
    for (const options of [
      { maxPayload: 0 },
      { afterDead: 'stop' },
      { headers: {} },
      { provider: 'oracle' },
      { retention: 1 },
    ]) {
      assert.throws(() => createOutbox(() => ({}), options as never), { code: 'ERR_OPTIONS' })
    }
    const outbox = createOutbox(() => fakeClient().client)
    const { settled } = createAfterCommit({ outbox, logger: quiet })(points, 'a')
    assert.equal(((await settled).error as { code: string }).code, 'ERR_OPTIONS')
  })

  test('a message that cannot be stored after the fact is a failure like any other', async () => {
    const { afterCommit, outbox } = instance()
    const error = new Error('gone')
    outbox.insert = () => Promise.reject(error)
    assert.deepEqual(await afterCommit(points, 'a').settled, { status: 'failed', attempts: 0, error })
    assert.equal(afterCommit.stats().failed, 1)
  })

  test('carries the headers that the application gives', () => {
    const { outbox } = instance({ headers: () => ({ traceparent: '00-1-2-01' }) })
    const { headers } = outbox.message({ messageType: 'a', payload: '', key: null, requestId: 'r' })
    assert.deepEqual(JSON.parse(headers ?? ''), { requestId: 'r', traceparent: '00-1-2-01' })
  })

  test('in a test that runs tasks inline, or captures them, they need no table', async () => {
    const seen: unknown[] = []
    const task = defineTask(
      'durable',
      (p: number, { messageId, id }: TaskContext) => void seen.push([p, messageId === id]),
      {
        durable: true,
      },
    )
    const { afterCommit, prisma, database } = instance()
    const inlined = inline(afterCommit)
    await prisma.$transaction(async () => {
      afterCommit(task, 1)
    })
    inlined.restore()
    const captured = capture(afterCommit)
    await prisma.$transaction(async () => {
      afterCommit(task, 2)
    })
    await captured.run('durable')
    captured.restore()
    assert.deepEqual(seen, [
      [1, true],
      [2, true],
    ])
    assert.deepEqual(database.committed, [])
  })

  test('ids are in the order of time', () => {
    const ids = Array.from({ length: 100 }, newMessageId)
    assert.equal(new Set(ids).size, 100)
    for (const id of ids) assert.ok(Math.abs(parseInt(id.replace('-', '').slice(0, 12), 16) - Date.now()) < 5_000, id)
  })
})

const ignore = (): void => undefined
const quiet = { debug: ignore, info: ignore, warn: ignore, error: ignore, fatal: ignore }
