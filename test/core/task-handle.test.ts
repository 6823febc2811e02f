import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TaskHandle } from '../../src/index.js'
import { forEachDatabase } from '../support/databases.js'
import { next, start, trace } from '../support/recorders.js'
import { deferred } from '../support/wait.js'

const boom = () => Promise.reject(new Error('boom'))
const nothing = () => undefined

describe('Task handle', () => {
  test('it has an id, a name, a request and a time from the start', () => {
    const { afterCommit } = start({ requestId: () => 'request 7' })
    const before = Date.now()
    const task = afterCommit('notify', nothing)
    assert.match(task.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.deepEqual([task.name, task.requestId, task.attempts], ['notify', 'request 7', 0])
    assert.ok(task.registeredAt.getTime() >= before && task.registeredAt.getTime() <= Date.now())
    assert.notEqual(afterCommit('notify', nothing).id, task.id)
  })

  test('the running task is given the same id and name', async () => {
    const { afterCommit } = start()
    const given = deferred<{ id: string; name: string; attempt: number; aborted: boolean }>()
    const { id } = afterCommit('notify', (context) => {
      given.resolve({ id: context.id, name: context.name, attempt: context.attempt, aborted: context.signal.aborted })
    })
    assert.deepEqual(await given.promise, { id, name: 'notify', attempt: 1, aborted: false })
  })

  test('its state follows the task through all of its life', async () => {
    const { afterCommit } = start({ concurrency: 1, retry: { retries: 1, minTimeout: 1 } })
    const states: string[] = []
    const task = afterCommit('task', ({ attempt }) => {
      states.push(task.state)
      if (attempt === 1) throw new Error('boom')
    })
    afterCommit.on('retrying', () => states.push(task.state))
    states.push(task.state)
    await task.settled
    states.push(task.state)
    assert.deepEqual(states, ['waiting', 'running', 'backing-off', 'running', 'succeeded'])
    assert.equal(task.attempts, 2)
  })

  test('a registration never runs inline: the caller goes on first', async () => {
    const { afterCommit } = start()
    const order: string[] = []
    const { settled } = afterCommit(() => order.push('task'))
    order.push('caller')
    queueMicrotask(() => order.push('microtask'))
    await settled
    assert.deepEqual(order, ['caller', 'microtask', 'task'])
  })

  test('`settled` is one promise, which resolves for whoever looks late', async () => {
    const { afterCommit } = start({ retry: false })
    const task = afterCommit(boom)
    const first = task.settled
    assert.equal(task.settled, first)
    const outcome = await first
    assert.equal(await task.settled, outcome)
    const another = afterCommit(boom)
    await afterCommit.idle()
    assert.equal((await another.settled).status, 'failed', 'looked at for the first time after the end')
  })

  test('a waiting task can be cancelled once, and never runs', async () => {
    const { afterCommit, failures } = start({ concurrency: 1 })
    const seen = trace(afterCommit)
    const finish = deferred()
    afterCommit('runs', () => finish.promise)
    const task = afterCommit('waits', nothing)
    assert.equal(task.cancel(), true)
    assert.equal(task.cancel(), false)
    assert.deepEqual(await task.settled, { status: 'cancelled', attempts: 0 })
    finish.resolve()
    await afterCommit.idle()
    assert.deepEqual(seen.toSorted(), [
      'accepted runs',
      'accepted waits',
      'cancelled waits',
      'started runs',
      'succeeded runs',
    ])
    assert.deepEqual(failures.records, [])
  })

  test('a task that has started cannot be cancelled, not while it backs off or waits for its retry either', async () => {
    const { afterCommit } = start({ concurrency: 1, retry: { retries: 1, minTimeout: 1 } })
    const answers: boolean[] = []
    const task = afterCommit('task', ({ attempt }) => {
      answers.push(task.cancel())
      if (attempt === 1) throw new Error('boom')
    })
    afterCommit.on('retrying', () => answers.push(task.cancel()))
    assert.deepEqual(await task.settled, { status: 'succeeded', attempts: 2 })
    answers.push(task.cancel())
    assert.deepEqual(answers, [false, false, false, false])
  })

  test('a task cancelled by a listener of `accepted` never runs', async () => {
    const { afterCommit } = start()
    afterCommit.on('accepted', ({ task }) => task.cancel())
    const task = afterCommit('task', () => assert.fail('it ran'))
    assert.equal((await task.settled).status, 'cancelled')
    await afterCommit.idle()
    assert.equal(afterCommit.stats().cancelled, 1)
    assert.equal(afterCommit.stats().pending, 0)
  })

  test('a cancelled task makes room', async () => {
    const { afterCommit } = start({ concurrency: 1, maxPending: 2 })
    const finish = deferred()
    afterCommit('runs', () => finish.promise)
    afterCommit('waits', nothing).cancel()
    assert.equal(afterCommit('takes its place', nothing).state, 'waiting')
    finish.resolve()
    await afterCommit.idle()
    assert.equal(afterCommit.stats().rejected, 0)
  })

  forEachDatabase((db) => {
    test('before the COMMIT it is registered; then it has the outcome of its transaction', async () => {
      const { afterCommit } = start()
      const prisma = afterCommit.watch(db.newClient())
      const committed = await prisma.$transaction(async (tx) => {
        const task = afterCommit('task', nothing)
        await tx.user.count()
        assert.equal(task.state, 'registered')
        return task
      })
      assert.equal(committed.state, 'waiting')
      assert.deepEqual(await committed.settled, { status: 'succeeded', attempts: 1 })

      let rolledBack: TaskHandle | undefined
      const transaction = prisma.$transaction(() => {
        rolledBack = afterCommit('task', nothing)
        throw new Error('rolled back')
      })
      await assert.rejects(transaction)
      assert.equal(rolledBack?.state, 'discarded')
      assert.equal((await rolledBack.settled).status, 'discarded')
      assert.equal(rolledBack.cancel(), false)
    })

    test('cancelled before the COMMIT: it never runs, and is counted as accepted and cancelled with the COMMIT', async () => {
      const { afterCommit } = start()
      const prisma = afterCommit.watch(db.newClient())
      const seen = trace(afterCommit)
      const task = await prisma.$transaction(async (tx) => {
        const own = afterCommit('task', () => assert.fail('it ran'))
        await tx.user.count()
        assert.equal(own.cancel(), true)
        assert.equal(own.state, 'cancelled')
        assert.deepEqual(await own.settled, { status: 'cancelled', attempts: 0 })
        assert.deepEqual(seen, [])
        return own
      })
      await afterCommit.idle()
      assert.equal(task.state, 'cancelled')
      assert.deepEqual(seen, ['accepted task', 'cancelled task'])
      const { accepted, cancelled, pending } = afterCommit.stats()
      assert.deepEqual({ accepted, cancelled, pending }, { accepted: 1, cancelled: 1, pending: 0 })
    })

    test('cancelled before a ROLLBACK: it stays cancelled, and was never accepted', async () => {
      const { afterCommit } = start()
      const prisma = afterCommit.watch(db.newClient())
      let task: TaskHandle | undefined
      const transaction = prisma.$transaction(() => {
        task = afterCommit('task', nothing)
        task.cancel()
        throw new Error('rolled back')
      })
      await assert.rejects(transaction)
      assert.equal(task?.state, 'cancelled')
      assert.equal(afterCommit.stats().accepted, 0)
    })

    test('a task of an open transaction settles with `next`: nobody has to poll', async () => {
      const { afterCommit } = start()
      const prisma = afterCommit.watch(db.newClient())
      const succeeded = next(afterCommit, 'succeeded')
      const { id } = await prisma.$transaction(() => Promise.resolve(afterCommit('task', nothing)))
      assert.equal((await succeeded).task.id, id)
    })
  })
})
