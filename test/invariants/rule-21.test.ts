import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Overflow, PoolFullError } from '../../src/index.js'
import { forEachDatabase } from '../support/databases.js'
import { sampledStats, start } from '../support/recorders.js'
import { insert, rowsOf, sharedClient } from '../support/watched.js'

const overflows: readonly Overflow[] = ['record', 'refuse', 'caller-runs', 'drop-newest', 'drop-oldest']
const maxPending = 5

describe('Rule 21: what is pending never exceeds `maxPending`, and what is past it goes where `overflow` says', () => {
  forEachDatabase((db) => {
    for (const overflow of overflows) {
      test(`'${overflow}': 8 transactions with 4 tasks each, and each task of what committed ends in one way`, async () => {
        await db.reset()
        const { afterCommit, failures } = start({ maxPending, concurrency: 2, overflow })
        const prisma = afterCommit.watch(sharedClient(db))
        const samples = sampledStats(afterCommit)
        const ran: string[] = []

        const transactions = Array.from({ length: 8 }, (_, n) =>
          prisma.$transaction(async (tx) => {
            await insert(tx, `t${n}`)
            for (let m = 0; m < 4; m++) afterCommit(`t${n} ${m}`, () => void ran.push(`t${n} ${m}`))
            samples.push(afterCommit.stats())
          }),
        )
        const results = await Promise.allSettled(transactions)
        await afterCommit.idle()

        for (const result of results) {
          if (result.status === 'rejected') assert.ok(result.reason instanceof PoolFullError, String(result.reason))
        }
        const most = Math.max(...samples.map(({ pending, reserved }) => pending + reserved))
        assert.ok(most <= maxPending, `${most} were pending`)

        const committed = await rowsOf(db)
        assert.equal(committed.length, results.filter(({ status }) => status === 'fulfilled').length)
        const { accepted, succeeded, rejected, dropped, pending, reserved, discarded } = afterCommit.stats()
        assert.equal(accepted, committed.length * 4)
        assert.equal(accepted, succeeded + rejected + dropped)
        assert.deepEqual([pending, reserved], [0, 0])
        assert.equal(ran.length, succeeded)
        assert.ok(
          ran.every((name) => committed.includes(name.split(' ')[0] ?? '')),
          `a task ran whose transaction did not commit: ${ran.join(', ')}`,
        )

        assert.equal(failures.records.length, rejected)
        if (overflow !== 'record') assert.equal(rejected, 0)
        if (!overflow.startsWith('drop')) assert.equal(dropped, 0)
        if (overflow !== 'refuse') assert.deepEqual([committed.length, discarded], [8, 0])
      })
    }
  })
})
