import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defineTask } from '../../src/index.js'
import { forEachDatabase } from '../support/databases.js'
import { start } from '../support/recorders.js'

const depths = Array.from({ length: 100 }, (_, n) => n + 1)

describe('Rule 20: a task may register tasks to any depth: each runs once, and idle() waits for all', () => {
  for (const concurrency of [1, 10]) {
    test(`each runs once, and idle() waits for all, with concurrency ${concurrency}`, async () => {
      const { afterCommit } = start({ concurrency })
      const ran: number[] = []
      const descend = (depth: number): void => {
        ran.push(depth)
        if (depth < 100) afterCommit(`depth ${depth + 1}`, () => descend(depth + 1))
      }
      afterCommit('depth 1', () => descend(1))
      await afterCommit.idle()
      assert.deepEqual(ran, depths)
      assert.equal(afterCommit.stats().succeeded, 100)
    })
  }

  test('a task that fails once at each depth registers what it registers at each attempt', async () => {
    const { afterCommit } = start({ retry: { retries: 1, minTimeout: 0 } })
    const ran: string[] = []
    const descend = defineTask('descend', (depth: number, { attempt }) => {
      ran.push(`${depth}.${attempt}`)
      if (attempt === 1) throw new Error('boom')
      if (depth < 5) afterCommit(descend, depth + 1)
    })
    afterCommit(descend, 1)
    await afterCommit.idle()
    assert.deepEqual(ran, ['1.1', '1.2', '2.1', '2.2', '3.1', '3.2', '4.1', '4.2', '5.1', '5.2'])
  })

  test('a task that registers two tasks, seven generations long: 127 runs', async () => {
    const { afterCommit } = start({ concurrency: 3 })
    const ran = new Map<string, number>()
    const descend = (name: string): void => {
      ran.set(name, (ran.get(name) ?? 0) + 1)
      if (name.length < 7) for (const child of ['l', 'r']) afterCommit(name + child, () => descend(name + child))
    }
    afterCommit('root', () => descend('-'))
    await afterCommit.idle()
    assert.equal(ran.size, 127)
    assert.ok([...ran.values()].every((runs) => runs === 1))
  })

  test('idle() also waits for the failure row of the last one', async () => {
    const { afterCommit, failures } = start({ retry: false })
    afterCommit(() => {
      afterCommit('inner', () => Promise.reject(new Error('boom')))
    })
    await afterCommit.idle()
    assert.deepEqual(
      failures.records.map((record) => record.task),
      ['inner'],
    )
  })

  test('a task that awaits the handle of one that it registered gets its outcome, while a slot is free', async () => {
    const { afterCommit } = start({ concurrency: 2 })
    const outer = afterCommit(async () => {
      const { status } = await afterCommit('inner', () => undefined).settled
      assert.equal(status, 'succeeded')
    })
    assert.equal((await outer.settled).status, 'succeeded')
  })

  forEachDatabase((db) => {
    test('each in a transaction of its own, 100 deep: 100 rows and 100 runs, in order', async () => {
      const { afterCommit } = start({ concurrency: 1 })
      const prisma = afterCommit.watch(db.newClient())
      const descend = (depth: number): Promise<void> =>
        prisma.$transaction(async (tx) => {
          await tx.user.create({ data: { email: `${depth}@example.org`, name: String(depth) } })
          if (depth < 100) afterCommit(`depth ${depth + 1}`, () => descend(depth + 1))
        })
      await descend(1)
      await afterCommit.idle()
      const rows = await db.query<{ name: string }>('SELECT "name" FROM "User" ORDER BY "id"')
      assert.deepEqual(
        rows.map((row) => Number(row.name)),
        depths,
      )
      assert.equal(afterCommit.stats().succeeded, 99)
      assert.equal(afterCommit.stats().retried, 0)
    })
  })
})
