// capture(afterCommit): collects what is due instead of running it.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PrismaClient } from '../../prisma/client/sqlite/client.js'
import { AbortError, type AfterCommit, createAfterCommit, defineTask } from '../../src/index.js'
import { capture, fakeClient } from '../../src/testing/index.js'
import { forEachDatabase } from '../support/databases.js'
import { recordingFailureLog, recordingLogger } from '../support/recorders.js'
import { watched } from '../support/watched.js'

const names = ({ tasks }: { tasks: readonly { name: string }[] }): string[] => tasks.map(({ name }) => name)

function start(): { afterCommit: AfterCommit; ran: string[]; task: (name: string) => void } {
  const afterCommit = createAfterCommit({ logger: recordingLogger(), retry: { retries: 3, minTimeout: 60_000 } })
  const ran: string[] = []
  return { afterCommit, ran, task: (name) => void afterCommit(name, () => void ran.push(name)) }
}

forEachDatabase((db) => {
  test('captures the tasks of a commit, and none of a rollback', async () => {
    await db.reset()
    const { prisma, both, afterCommit, outcome } = watched(db)
    using captured = capture(afterCommit)
    await prisma.$transaction(async (tx) => {
      await both(tx, 'a')
      assert.deepEqual(names(captured), [], 'not before the COMMIT')
      const failing = tx.$transaction(async (nested) => {
        await both(nested, 'savepoint')
        throw new Error('no')
      })
      await assert.rejects(failing)
      await tx.$transaction((nested) => both(nested, 'b'))
    })
    const failing = prisma.$transaction(async (tx) => {
      await both(tx, 'c')
      throw new Error('no')
    })
    await assert.rejects(failing)
    assert.deepEqual(names(captured), ['a', 'b'])
    assert.deepEqual(await outcome(), { ran: [], rows: ['a', 'b'] })

    await captured.run()
    assert.deepEqual(names(captured), [])
    assert.deepEqual(await outcome(), { ran: ['a', 'b'], rows: ['a', 'b'] })
  })

  test('captures what a task registers in a transaction of its own', async () => {
    await db.reset()
    const { prisma, both, afterCommit, outcome } = watched(db)
    using captured = capture(afterCommit)
    await prisma.$transaction(async (tx) => {
      await both(tx, 'outer')
      afterCommit('opens', () => prisma.$transaction((own) => both(own, 'inner')))
    })
    await captured.run('opens')
    assert.deepEqual(names(captured), ['outer', 'inner'])
    await captured.run()
    assert.deepEqual(await outcome(), { ran: ['outer', 'inner'], rows: ['outer', 'inner'] })
  })
})

describe('capture', () => {
  test('shows the payload that the task would receive', async () => {
    const { afterCommit } = start()
    const received: unknown[] = []
    const remind = defineTask(
      'remind',
      (payload: { at: Date; note?: string | undefined }) => void received.push(payload),
    )
    using captured = capture(afterCommit)
    const handle = afterCommit(remind, { at: new Date(0), note: undefined })
    afterCommit('closure', () => undefined)
    assert.deepEqual(captured.tasks, [
      { id: handle.id, name: 'remind', payload: { at: '1970-01-01T00:00:00.000Z' } },
      { id: captured.tasks[1]?.id, name: 'closure', payload: undefined },
    ])
    await captured.run()
    assert.deepEqual(received, [{ at: '1970-01-01T00:00:00.000Z' }])
  })

  test('runs what its tasks register, and what those register, until none is left', async () => {
    const { afterCommit, ran, task } = start()
    using captured = capture(afterCommit)
    afterCommit('a', () => {
      ran.push('a')
      afterCommit('c', () => {
        ran.push('c')
        task('d')
      })
    })
    task('b')
    await captured.run()
    assert.deepEqual(ran, ['a', 'b', 'c', 'd'])
    assert.deepEqual(names(captured), [])
  })

  test('runs the tasks of one name, and leaves the others', async () => {
    const { afterCommit, ran, task } = start()
    using captured = capture(afterCommit)
    for (const name of ['mail', 'push', 'mail']) task(name)
    await captured.run('mail')
    assert.deepEqual(ran, ['mail', 'mail'])
    assert.deepEqual(names(captured), ['push'])
    await assert.rejects(captured.run('mail'), { code: 'ERR_OPTIONS', message: 'No task `mail` was captured: push' })
  })

  test('forgets what is cleared, whose handles settle as cancelled', async () => {
    const { afterCommit, ran, task } = start()
    using captured = capture(afterCommit)
    const handle = afterCommit('a', () => void ran.push('a'))
    captured.clear()
    assert.deepEqual(await handle.settled, { status: 'cancelled', attempts: 0 })
    task('b')
    await captured.run()
    assert.deepEqual(ran, ['b'])
  })

  test('knows nothing of a task that its owner has cancelled', async () => {
    const { afterCommit, ran } = start()
    using captured = capture(afterCommit)
    const handle = afterCommit('a', () => void ran.push('a'))
    assert.equal(handle.cancel(), true)
    assert.deepEqual(captured.tasks, [])

    const prisma = afterCommit.watch(fakeClient<PrismaClient>().client)
    await prisma.$transaction(async () => void afterCommit('b', () => void ran.push('b')).cancel())
    assert.deepEqual(captured.tasks, [])
    const { accepted, cancelled } = afterCommit.stats()
    assert.deepEqual({ accepted, cancelled }, { accepted: 1, cancelled: 1 }, 'b was due, as it is in the pool')
    await captured.run()
    assert.deepEqual(ran, [])
  })

  test('lets tasks run as usual once it is restored, without those that were captured', async () => {
    const { afterCommit, ran, task } = start()
    const captured = capture(afterCommit)
    task('a')
    captured.restore()
    captured.restore()
    task('b')
    await afterCommit.idle()
    assert.deepEqual(ran, ['b'])
    assert.deepEqual(captured.tasks, [])
  })

  test('runs each task once, and throws what it threw when all have run', async () => {
    const failureLog = recordingFailureLog()
    const afterCommit = createAfterCommit({ logger: recordingLogger(), failureLog })
    const failed: unknown[] = []
    afterCommit.on('failed', ({ error, attempt }) => failed.push(error, attempt))
    using captured = capture(afterCommit)
    const error = new Error('push is down')
    let ran = 0
    const handle = afterCommit('a', () => {
      throw error
    })
    afterCommit('b', () => void ran++)
    await assert.rejects(captured.run(), (thrown) => thrown === error)
    assert.equal(ran, 1)
    assert.deepEqual(await handle.settled, { status: 'failed', attempts: 1, error })
    assert.deepEqual(failed, [error, 1])

    afterCommit('c', () => Promise.reject(new AbortError(error)))
    afterCommit('d', () => Promise.reject(new Error('d')))
    await assert.rejects(captured.run(), (thrown) => {
      assert.ok(thrown instanceof AggregateError)
      assert.deepEqual(thrown.errors, [error, new Error('d')])
      return true
    })
    await afterCommit.idle()
    assert.deepEqual(failureLog.records, [])
    const { accepted, succeeded, failed: count, pending, callerRunning } = afterCommit.stats()
    assert.deepEqual(
      { accepted, succeeded, count, pending, callerRunning },
      { accepted: 4, succeeded: 1, count: 3, pending: 0, callerRunning: 0 },
    )
  })

  test('stops tasks that register themselves without end', async () => {
    const { afterCommit } = start()
    using captured = capture(afterCommit)
    const again = (): void => void afterCommit('again', again)
    again()
    await assert.rejects(captured.run(), /10000 tasks have run and there are more: does `again` register itself\?/)
  })

  test('holds no place of the pool', async () => {
    const afterCommit = createAfterCommit({ maxPending: 1, overflow: 'refuse', logger: recordingLogger() })
    using captured = capture(afterCommit)
    for (const name of ['a', 'b']) afterCommit(name, () => undefined)
    assert.equal(captured.tasks.length, 2)
    assert.equal(afterCommit.stats().reserved, 0)
    await captured.run()
    assert.equal(afterCommit.stats().reserved, 0)
  })

  test('is taken away in the reverse order', async () => {
    const { afterCommit, task } = start()
    const outer = capture(afterCommit)
    const inner = capture(afterCommit)
    task('a')
    assert.throws(() => outer.restore(), { code: 'ERR_OPTIONS' })
    assert.deepEqual([names(outer), names(inner)], [[], ['a']])
    inner.restore()
    task('b')
    assert.deepEqual(names(outer), ['b'])
    outer.restore()
  })

  test('needs an instance of createAfterCommit', () => {
    for (const wrong of [undefined, null, {}, () => undefined]) {
      assert.throws(() => capture(wrong as never), { code: 'ERR_OPTIONS' })
    }
  })
})
