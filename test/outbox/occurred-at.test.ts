import assert from 'node:assert/strict'
import { beforeEach, describe, test, type TestContext } from 'node:test'
import pg from 'pg'
import { defineTask } from '../../src/index.js'
import { throughPrisma } from '../../src/outbox/database.js'
import { throughPg } from '../../src/outbox/pg-pool.js'
import { type EnvelopeMessage, toCloudEvent } from '../../src/outbox/index.js'
import { pollingSource } from '../../src/outbox/polling-source.js'
import { forEachDatabase, type TestDatabase } from '../support/databases.js'
import { durable, relaying } from '../support/outbox.js'
import { sharedClient } from '../support/watched.js'
import { until } from '../support/wait.js'

const time = '2020-01-02T03:04:05.678Z'
const task = defineTask('occurs', () => undefined, { durable: true })
const timeOf = (message: EnvelopeMessage | undefined) => message && toCloudEvent(message, { source: '/shop' }).time

async function stored(db: TestDatabase) {
  const made = durable(db, [task])
  await made.afterCommit(task).settled
  await sharedClient(db).outboxMessage.updateMany({ data: { occurredAt: new Date(time) } })
  return made
}

/** A pool on PostgreSQL, whose driver reads a time without a zone as one of the process's. */
function poolOf(t: TestContext, db: TestDatabase) {
  const pool = new pg.Pool({ connectionString: db.url, max: 3 })
  t.after(() => pool.end())
  return pool
}

describe('The CloudEvent of a message has the time at which it occurred, whatever the time zone of the process', () => {
  forEachDatabase((db) => {
    const zone = process.env['TZ']
    beforeEach(async (t) => {
      await db.reset()
      process.env['TZ'] = 'Asia/Kolkata'
      ;(t as TestContext).after(() => {
        if (zone === undefined) delete process.env['TZ']
        else process.env['TZ'] = zone
      })
    })

    for (const own of db.provider === 'postgresql' ? [false, true] : [false]) {
      const through = own ? ', through a pool of pg' : ''

      test(`when a relay has claimed it${through}`, async (t) => {
        await stored(db)
        const database = own ? throughPg(poolOf(t, db)) : throughPrisma(sharedClient(db), db.provider)
        const source = pollingSource({ database, lease: 1, types: ['occurs'], deadBlocks: true, keep: false })
        const [claimed] = await source.claim(1)
        await until(() => source.hasSuspects())
        assert.deepEqual([timeOf(claimed), timeOf(await source.claimSuspect())], [time, time])
      })

      test(`when it is archived${through}`, async (t) => {
        await stored(db)
        const archived: EnvelopeMessage[] = []
        const archive = async (messages: readonly EnvelopeMessage[]) => void archived.push(...messages)
        const pool = own ? { pool: poolOf(t, db) } : {}
        await relaying(t, db, [task], { relay: { retention: { after: 0, archive }, ...pool } })
        await until(() => archived.length > 0)
        assert.equal(timeOf(archived[0]), time)
      })
    }

    test('when it is dead', async () => {
      const { outbox } = await stored(db)
      await sharedClient(db).outboxMessage.updateMany({ data: { status: 'dead' } })
      const [dead] = await outbox.dead.list()
      assert.equal(timeOf(dead), time)
    })
  })
})
