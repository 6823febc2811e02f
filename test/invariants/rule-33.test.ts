import assert from 'node:assert/strict'
import { beforeEach, describe, test, type TestContext } from 'node:test'
import { defineTask } from '../../src/index.js'
import { forEachDatabase } from '../support/databases.js'
import { relaying } from '../support/outbox.js'
import { insert } from '../support/watched.js'
import { until } from '../support/wait.js'

const numbers = Array.from({ length: 30 }, (_, n) => n)

describe('Rule 33: messages of one transaction are handled in the order of registration, with the same key or one at a time', () => {
  forEachDatabase((db) => {
    beforeEach(() => db.reset())

    /** What a relay with these settings handled of one transaction, in order. */
    async function handled(t: TestContext, concurrency: number, key?: () => string): Promise<number[]> {
      const seen: number[] = []
      const run = async (n: number): Promise<void> => {
        await new Promise((resolve) => setImmediate(resolve))
        seen.push(n)
      }
      const task = defineTask('counts', run, { durable: true, ...(key && { key }) })
      const { afterCommit, prisma, relay } = await relaying(t, db, [task], { relay: { concurrency, batch: 7 } })
      await prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        for (const n of numbers) afterCommit(task, n)
      })
      await until(() => relay.stats().succeeded === numbers.length)
      return seen
    }

    test('with the same key, whatever the concurrency', async (t) => {
      assert.deepEqual(await handled(t, 10, () => 'k'), numbers)
    })

    test('without a key, and `concurrency: 1`', async (t) => {
      assert.deepEqual(await handled(t, 1), numbers)
    })
  })
})
