// What the limits lab shows, inside one process.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { border } from '../../src/app/lab/limits/border.js'
import { bulkhead } from '../../src/app/lab/limits/bulkhead.js'
import { burst } from '../../src/app/lab/limits/burst.js'
import { context } from '../../src/app/lab/limits/context.js'
import { cpu } from '../../src/app/lab/limits/cpu.js'
import { exception } from '../../src/app/lab/limits/exception.js'
import { order } from '../../src/app/lab/limits/order.js'
import { rollback } from '../../src/app/lab/limits/rollback.js'
import { storm } from '../../src/app/lab/limits/storm.js'
import { labs } from './open-lab.js'

const lab = await labs()

describe('the limits lab shows that', () => {
  it('the exception of a task does not reach its caller, and is a row that can be run again', async () => {
    assert.deepEqual(await exception.run(lab()), { requests: 10, failed: 10, told: 0, rows: 10, deliveredLater: 10 })
  })

  it('what a task has written stays when the request fails later, and one transaction around all of it takes it along', async () => {
    assert.deepEqual(await border.run(lab()), { failed: 10, stay: 10, stayInOne: 0, gone: 10 })
  })

  it('a message sent inside a transaction survives its rollback, and after the commit none is sent for nothing', async () => {
    const { requests, sentInside, forNothingInside, sentAfter, forNothingAfter } = await rollback.run(lab())
    assert.deepEqual([requests, sentInside, forNothingInside], [10, 10, 5])
    assert.deepEqual([sentAfter, forNothingAfter], [5, 0])
  })

  it('a burst is bounded, and each policy lets somebody else pay', async () => {
    const { logins, bound, unbounded, ...policies } = await burst.run(lab())
    assert.deepEqual([logins, bound, unbounded], [40, 10, 40])
    const all = { rows: 0, committed: 40, refused: 0, byCaller: 0, dropped: 0 }
    const { dropOldest, ...others } = policies
    // Of what is accepted, in its order.
    assert.deepEqual(others, {
      record: { ...all, ran: 10, first: 1, last: 0, rows: 30 },
      refuse: { ...all, ran: 10, first: 1, last: 1, committed: 10, refused: 30 },
      callerRuns: { ...all, ran: 40, first: 1, last: 1, byCaller: 30 },
      dropNewest: { ...all, ran: 10, first: 1, last: 0, dropped: 30 },
    })
    assert.deepEqual(dropOldest, { ...all, ran: 10, first: dropOldest.first, last: 1, dropped: 30 })
  })

  it('a task that burns CPU lets no request through, and in a thread it does', async () => {
    const { here, thread } = await cpu.run(lab())
    assert.ok(here.answered <= 1, `${here.answered} were answered`)
    assert.ok(here.longest >= 500, `the longest took ${here.longest} ms`)
    assert.ok(thread.answered >= 5, `${thread.answered} were answered`)
  })

  it('retries come back in one row without jitter, and mixed with it', async () => {
    const { tasks, plain, jitter } = await storm.run(lab())
    assert.equal(plain.overtaken, 0)
    // Of two hundred waits at random about half are shorter than the one before.
    assert.ok(jitter.overtaken > tasks / 10, `${jitter.overtaken} overtook`)
  })

  it('a slow partner holds up everybody, and in a queue of its own nobody', async () => {
    const { shared, separate } = await bulkhead.run(lab())
    assert.equal(shared, 0)
    assert.ok(separate > 0, `${separate} overtook`)
  })

  it('tasks overtake each other in memory, and those of one key do not in the outbox', async () => {
    const { versions, memory, key } = await order.run(lab())
    assert.ok(memory.overtaken > 0)
    assert.deepEqual(key, { overtaken: 0, last: versions })
  })

  it('p-queue gives a task the context of another request, and after-commit its own', async () => {
    const { logins, inQueue, bound, ran } = await context.run(lab())
    assert.deepEqual([inQueue, bound, ran], [logins - 2, 0, logins])
  })
})
