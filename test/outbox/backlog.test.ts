import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defineTask } from '../../src/index.js'
import { forEachDatabase } from '../support/databases.js'
import { durable, messagesOf, relayOf } from '../support/outbox.js'
import { deferred, until } from '../support/wait.js'

describe('outbox.backlog()', () => {
  forEachDatabase((db) => {
    test('says how many messages are pending, processing and dead, and how old the oldest pending one is', async (t) => {
      await db.reset()
      const stuck = deferred()
      const poison = defineTask('poison', () => Promise.reject(new Error('boom')), { durable: true, retry: false })
      const waits = defineTask('waits', () => stuck.promise, { durable: true })
      const unknown = defineTask('unknown', () => undefined, { durable: true })
      const made = durable(db, [poison, waits])
      const { afterCommit, outbox, prisma } = made
      const none = { pending: 0, processing: 0, dead: 0, oldestPendingMs: 0 }
      assert.deepEqual(await outbox.backlog(), none)

      await prisma.$transaction(async () => {
        for (const task of [poison, poison, waits, unknown, unknown, unknown]) afterCommit(task)
      })
      await until(async () => (await outbox.backlog()).oldestPendingMs > 0)
      const { oldestPendingMs, ...counts } = await outbox.backlog()
      assert.deepEqual(counts, { pending: 6, processing: 0, dead: 0 })
      assert.ok(oldestPendingMs < 600_000, `${oldestPendingMs} ms`)

      const relay = relayOf(t, made)
      await relay.start()
      await until(async () => {
        const { pending, processing, dead } = await outbox.backlog()
        return pending === 3 && processing === 1 && dead === 2
      })
      stuck.resolve()
      await until(async () => (await messagesOf(db)).length === 5)
      assert.equal((await outbox.backlog()).processing, 0)
    })
  })
})
