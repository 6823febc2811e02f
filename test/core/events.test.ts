import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AfterCommit, TaskHandle } from '../../src/index.js'
import { forEachDatabase } from '../support/databases.js'
import { next, start, taskEvents, trace } from '../support/recorders.js'
import { deferred } from '../support/wait.js'

const boom = () => Promise.reject(new Error('boom'))
const nothing = () => undefined

describe('Events', () => {
  for (const [life, expected, live] of [
    ['success', ['accepted', 'started', 'succeeded'], (it: AfterCommit) => it('task', nothing).settled],
    [
      'failure',
      ['accepted', 'started', 'retrying', 'started', 'retrying', 'started', 'failed'],
      (it: AfterCommit) => it('task', boom).settled,
    ],
    [
      'cancellation',
      ['accepted', 'cancelled'],
      (it: AfterCommit) => {
        it('task', nothing).cancel()
      },
    ],
    [
      'interruption',
      ['accepted', 'started', 'interrupted'],
      async (it: AfterCommit) => {
        const started = next(it, 'started')
        it('task', () => deferred().promise)
        await started
        await it.close({ grace: 0 })
      },
    ],
  ] as const) {
    test(`a ${life} is heard as ${expected.join(', ')}`, async () => {
      const { afterCommit } = start()
      const seen = trace(afterCommit)
      await live(afterCommit)
      await afterCommit.idle()
      assert.deepEqual(
        seen,
        expected.map((name) => `${name} task`),
      )
    })
  }

  test('each carries the handle of its task, whose state is that of the event, and the attempt', async () => {
    const { afterCommit } = start({ retry: { retries: 1, minTimeout: 0 } })
    const handles = new Set<TaskHandle>()
    const seen: unknown[] = []
    for (const name of taskEvents) {
      afterCommit.on(name, ({ task, attempt }) => {
        handles.add(task)
        seen.push([name, task.state, attempt])
      })
    }
    const handle = afterCommit(boom)
    await afterCommit.idle()
    assert.deepEqual([...handles], [handle])
    assert.deepEqual(seen.slice(1), [
      ['started', 'running', 1],
      ['retrying', 'backing-off', 1],
      ['started', 'running', 2],
      ['failed', 'failed', 2],
    ])
  })

  test('the error is the one that was thrown, untouched', async () => {
    const { afterCommit } = start({ retry: { retries: 1, minTimeout: 0 } })
    const error = Object.freeze(new Error('boom'))
    const heard: unknown[] = []
    afterCommit.on('retrying', (event) => heard.push(event.error))
    afterCommit.on('failed', (event) => heard.push(event.error))
    await afterCommit(() => Promise.reject(error)).settled
    assert.equal(heard[0], error)
    assert.equal(heard[1], error)
  })

  test('listeners are called in the order in which they were added, and one that was removed is not', async () => {
    const { afterCommit } = start()
    const heard: string[] = []
    const removers = ['a', 'b', 'c'].map((name) => afterCommit.on('succeeded', () => heard.push(name)))
    await afterCommit(nothing).settled
    removers[1]?.()
    removers[1]?.() // twice is once
    await afterCommit(nothing).settled
    assert.deepEqual(heard, ['a', 'b', 'c', 'a', 'c'])
  })

  test('the same function may listen twice, and each removal takes one away', async () => {
    const { afterCommit } = start()
    let calls = 0
    const listener = () => calls++
    const remove = afterCommit.on('succeeded', listener)
    afterCommit.on('succeeded', listener)
    await afterCommit(nothing).settled
    assert.equal(calls, 2)
    remove()
    await afterCommit(nothing).settled
    assert.equal(calls, 3)
  })

  test('a listener may remove itself, add another, and register tasks', async () => {
    const { afterCommit } = start()
    const seen = trace(afterCommit)
    const remove = afterCommit.on('succeeded', () => {
      remove()
      afterCommit('from a listener', nothing)
    })
    afterCommit('first', nothing)
    await afterCommit.idle()
    assert.deepEqual(
      seen.filter((line) => line.startsWith('succeeded')),
      ['succeeded first', 'succeeded from a listener'],
    )
  })

  test('who comes or goes while listeners are told does so from the next time on', async () => {
    const { afterCommit } = start()
    const heard: string[] = []
    let add = true
    afterCommit.on('succeeded', () => {
      heard.push('first')
      remove()
      if (add) afterCommit.on('succeeded', () => void heard.push('new'))
      add = false
    })
    const remove = afterCommit.on('succeeded', () => void heard.push('last'))
    await afterCommit(nothing).settled
    await afterCommit.idle()
    assert.deepEqual(heard.splice(0), ['first', 'last'])
    await afterCommit(nothing).settled
    await afterCommit.idle()
    assert.deepEqual(heard, ['first', 'new'])
  })

  test('an async listener is not waited for', async () => {
    const { afterCommit } = start({ concurrency: 1 })
    afterCommit.on('started', () => deferred().promise)
    assert.equal((await afterCommit(nothing).settled).status, 'succeeded')
  })

  test('an event that does not exist is refused with the names of those that do', () => {
    const { afterCommit } = start()
    const misspelt = 'success' as 'succeeded'
    assert.throws(() => afterCommit.on(misspelt, nothing), {
      code: 'ERR_OPTIONS',
      message: /^Expected `event` to be one of accepted, started, .*failureLogError, got `success` \(string\)$/,
    })
    assert.throws(() => afterCommit.on('toString' as 'failed', nothing), { code: 'ERR_OPTIONS' })
    const notAFunction = 'log' as unknown as () => void
    assert.throws(() => afterCommit.on('failed', notAFunction), { code: 'ERR_OPTIONS', message: /`listener`/ })
  })

  forEachDatabase((db) => {
    test('in a transaction nothing is heard before the COMMIT, then `accepted` in the order of registration', async () => {
      const { afterCommit } = start({ concurrency: 1 })
      const prisma = afterCommit.watch(db.newClient())
      const seen = trace(afterCommit)
      await prisma.$transaction(async (tx) => {
        afterCommit('a', nothing)
        await tx.user.count()
        afterCommit('b', nothing)
        assert.deepEqual(seen, [])
      })
      assert.deepEqual(seen, ['accepted a', 'accepted b'])
      await afterCommit.idle()
    })

    test('after a rollback only `discarded` is heard', async () => {
      const { afterCommit } = start()
      const prisma = afterCommit.watch(db.newClient())
      const seen = trace(afterCommit)
      const transaction = prisma.$transaction(() => {
        afterCommit('a', nothing)
        throw new Error('rolled back')
      })
      await assert.rejects(transaction)
      await afterCommit.idle()
      assert.deepEqual(seen, ['discarded a'])
    })

    test('a listener is outside any transaction, wherever the slot of its task was first needed', async () => {
      const { afterCommit } = start({ retry: { retries: 1, minTimeout: 0 } })
      const prisma = afterCommit.watch(db.newClient())
      const independent = afterCommit.watch(db.newClient())
      const inside: string[] = []
      for (const name of ['started', 'retrying', 'succeeded', 'failed'] as const) {
        afterCommit.on(name, ({ task }) => {
          if (afterCommit.inTransaction()) inside.push(`${name} ${task.name}`)
        })
      }
      await prisma.$transaction(async () => {
        const handles = await independent.$transaction(() =>
          Promise.resolve([afterCommit('succeeds', nothing), afterCommit('fails', boom)]),
        )
        await Promise.all(handles.map((handle) => handle.settled))
      })
      assert.deepEqual(inside, [])
    })
  })
})
