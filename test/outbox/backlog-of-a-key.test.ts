import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { throughPrisma } from '../../src/outbox/database.js'
import { pollingSource } from '../../src/outbox/polling-source.js'
import { defineTask } from '../../src/index.js'
import { forEachDatabase } from '../support/databases.js'
import { durable } from '../support/outbox.js'
import { until } from '../support/wait.js'
import { sharedClient } from '../support/watched.js'

describe('A long line behind one key', () => {
  forEachDatabase(
    (db) => {
      beforeEach(() => db.reset())

      test('holds up no other key, although a claim does not always look past it, and nothing of it is passed over', async () => {
        const task = defineTask<string>('line', () => undefined, { durable: true, key: (key) => key })
        const { afterCommit, prisma } = durable(db, [task])
        await prisma.$transaction(async () => {
          for (let n = 0; n < 1_500; n++) afterCommit(task, 'a')
        })
        await db.execute(`UPDATE "OutboxMessage" SET "availableAt" = "availableAt" - (5000 - "id") * interval '1 ms'`)
        const database = throughPrisma(sharedClient(db), db.provider)
        const source = pollingSource({ database, lease: 60_000, types: ['line'], deadBlocks: true, keep: false })
        const [first, ...others] = await source.claim(10)
        assert.ok(first?.key === 'a' && others.length === 0)

        await afterCommit(task, 'b').settled
        const keys: unknown[] = []
        await until(async () => {
          keys.push(...(await source.claim(10)).map(({ key }) => key))
          return keys.length > 0
        })
        assert.deepEqual(keys, ['b'])
        await source.complete([{ heldId: first.id, heldToken: first.token }])
        const second: string[] = []
        await until(async () => {
          second.push(...(await source.claim(10)).map(({ id }) => id))
          return second.length > 0
        })
        assert.deepEqual(second, [String(Number(first.id) + 1)])
      })
    },
    { only: ['postgresql'] },
  )
})
