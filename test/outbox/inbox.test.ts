import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { inbox, purgeInbox } from '../../src/outbox/index.js'
import { forEachDatabase } from '../support/databases.js'
import { insert, rowsOf, sharedClient } from '../support/watched.js'

const message = { name: 'give-points', messageId: '0199-a' }

describe('inbox', () => {
  forEachDatabase((db) => {
    beforeEach(() => db.reset())

    test('a message has its effect once, and the answer says whether it had it now', async () => {
      const prisma = sharedClient(db)
      assert.equal(await inbox(prisma, message, (tx) => insert(tx, 'a')), true)
      assert.equal(await inbox(prisma, message, (tx) => insert(tx, 'b')), false)
      assert.deepEqual(await rowsOf(db), ['a'])
    })

    test('duplicates at the same time have one effect, and all are answered', async () => {
      const prisma = sharedClient(db)
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, n) => inbox(prisma, message, (tx) => insert(tx, `${n}`))),
      )
      assert.equal(answers.filter(Boolean).length, 1)
      assert.equal((await rowsOf(db)).length, 1)
    })

    test('an effect that fails leaves nothing, so that the next delivery has it', async () => {
      const prisma = sharedClient(db)
      const boom = new Error('boom')
      const failing = inbox(prisma, message, async (tx) => {
        await insert(tx, 'a')
        throw boom
      })
      await assert.rejects(failing, boom)
      assert.equal(await inbox(prisma, message, (tx) => insert(tx, 'b')), true)
      assert.deepEqual(await rowsOf(db), ['b'])
    })

    test('each consumer has its own', async () => {
      const prisma = sharedClient(db)
      assert.equal(await inbox(prisma, message, () => undefined), true)
      assert.equal(await inbox(prisma, message, () => undefined, { consumer: 'statistics' }), true)
      assert.equal(await inbox(prisma, { ...message, name: 'other' }, () => undefined), true)
      assert.equal(await inbox(prisma, message, () => undefined, { consumer: 'statistics' }), false)
    })

    test('what is old enough can be purged, in small steps', async () => {
      const prisma = sharedClient(db)
      const data = Array.from({ length: 1_200 }, (_, n) => ({
        messageId: `${n}`,
        consumer: 'c',
        processedAt: new Date(0),
      }))
      await prisma.processedMessage.createMany({ data })
      await inbox(prisma, message, () => undefined)
      assert.equal(await purgeInbox(prisma, 60_000), 1_200)
      assert.equal(await inbox(prisma, message, () => undefined), false)
      assert.equal(await purgeInbox(prisma, 0), 1)
    })

    test('needs a message id', async () => {
      await assert.rejects(
        inbox(sharedClient(db), { name: 'in-memory' }, () => undefined),
        { code: 'ERR_OPTIONS' },
      )
    })
  })
})
