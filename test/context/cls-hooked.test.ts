import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, test } from 'node:test'
import { createNamespace, getNamespace } from 'cls-hooked'
import { clsHooked } from '../../src/context/cls-hooked.js'
import { CapturedContext } from '../../src/core/context.js'
import { type AfterCommit, type AfterCommitOptions, createAfterCommit } from '../../src/index.js'
import { forEachDatabase } from '../support/databases.js'
import { recordingLogger } from '../support/recorders.js'
import { sharedClient } from '../support/watched.js'

const namespace = createNamespace<Record<string, unknown>>('shop')
const instance = (options: AfterCommitOptions = {}): AfterCommit =>
  createAfterCommit({ context: clsHooked(namespace), logger: recordingLogger(), retry: false, ...options })

/** A request of the application, which has set its id. */
const request = <R>(id: string, fn: () => R): R =>
  namespace.runAndReturn(() => {
    namespace.set('id', id)
    return fn()
  })

describe('clsHooked', () => {
  forEachDatabase(
    (db) => {
      test('what the callback of a transaction sets is there for the rest of the request', async () => {
        const prisma = instance().watch(sharedClient(db))
        const facts = await request('1', async () => {
          await prisma.$transaction(async (tx) => {
            await tx.user.count()
            namespace.set('seller', 7)
            await tx.$transaction(() => Promise.resolve(namespace.set('step', 'savepoint')))
          })
          return [namespace.get('id'), namespace.get('seller'), namespace.get('step')]
        })
        assert.deepEqual(facts, ['1', 7, 'savepoint'])
      })

      test('what a context of its own inside the transaction sets stays in there', async () => {
        const afterCommit = instance()
        const prisma = afterCommit.watch(sharedClient(db))
        const facts = await request('1', async () => {
          const seen = await prisma.$transaction(() =>
            request('2', async () => [await Promise.resolve(namespace.get('id')), afterCommit.inTransaction()]),
          )
          return [seen, namespace.get('id'), afterCommit.inTransaction()]
        })
        assert.deepEqual(facts, [['2', true], '1', false])
      })

      test('works where the application has entered no context', async () => {
        const afterCommit = instance()
        const prisma = afterCommit.watch(sharedClient(db))
        assert.equal(namespace.active, null)
        const handle = await prisma.$transaction(async (tx) => {
          await tx.user.count()
          assert.equal(afterCommit.inTransaction(), true)
          return afterCommit(() => assert.equal(afterCommit.inTransaction(), false))
        })
        assert.equal((await handle.settled).status, 'succeeded')
        assert.equal(namespace.active, null)
      })

      test('a transaction in a request that runs in `runPromise` is found, too', async () => {
        const afterCommit = instance()
        const prisma = afterCommit.watch(sharedClient(db))
        const seen: unknown[] = []
        const handle = await namespace.runPromise(async () => {
          namespace.set('id', 'promised')
          return prisma.$transaction(async (tx) => {
            await tx.user.count()
            return afterCommit(() => void seen.push(namespace.get('id'), afterCommit.inTransaction()))
          })
        })
        assert.equal((await handle.settled).status, 'succeeded')
        assert.deepEqual(seen, ['promised', false])
      })
    },
    { only: ['sqlite', 'postgresql'] },
  )

  test('what a task sets is neither seen by its request nor by the next task of it', async () => {
    const afterCommit = instance({ concurrency: 1 })
    const seen: unknown[] = []
    await request('1', async () => {
      const first = afterCommit(() => void namespace.set('id', 'changed'))
      const second = afterCommit(() => void seen.push(namespace.get('id')))
      await Promise.all([first.settled, second.settled])
      seen.push(namespace.get('id'))
    })
    assert.deepEqual(seen, ['1', '1'])
  })

  test('a task that a task registers sees what that one has set', async () => {
    const afterCommit = instance()
    const seen: unknown[] = []
    request('1', () =>
      afterCommit(() => {
        namespace.set('step', 2)
        afterCommit(() => void seen.push(namespace.get('id'), namespace.get('step')))
      }),
    )
    await afterCommit.idle()
    assert.deepEqual(seen, ['1', 2])
  })

  test('a task that was registered outside every context sees none of another request', async () => {
    const afterCommit = instance({ concurrency: 1 })
    const seen: unknown[] = []
    request('1', () => afterCommit(() => void seen.push(namespace.get('id'))))
    afterCommit(() => void seen.push(namespace.get('id')))
    await afterCommit.idle()
    assert.deepEqual(seen, ['1', undefined])
  })

  test('a task sees the AsyncLocalStorage and the other namespaces of its request as well', async () => {
    const afterCommit = instance({ concurrency: 1 })
    const storage = new AsyncLocalStorage<number>()
    const other = createNamespace<{ n: number }>('other')
    const seen: unknown[] = []
    for (const n of [1, 2]) {
      storage.run(n, () =>
        other.run(() => {
          other.set('n', n)
          afterCommit(() => void seen.push([storage.getStore(), other.get('n')]))
        }),
      )
    }
    await afterCommit.idle()
    assert.deepEqual(seen, [
      [1, 1],
      [2, 2],
    ])
  })

  test('carriers in one namespace do not see the values of each other, however they are nested', () => {
    const [one, two] = [clsHooked(namespace), clsHooked(namespace)]
    const seen: unknown[] = []
    const look = (): void => void seen.push([one.get(), two.get()])
    one.run('a', () => {
      look()
      two.run('b', () => {
        look()
        one.run('c', look)
        request('1', look)
        two.run(undefined, look)
      })
    })
    look()
    assert.deepEqual(seen, [
      ['a', undefined],
      ['a', 'b'],
      ['c', 'b'],
      ['a', 'b'],
      ['a', undefined],
      [undefined, undefined],
    ])
  })

  test('an error that passes through is not touched, and may be anything', () => {
    const carrier = clsHooked(namespace)
    for (const thrown of [Object.freeze(new Error('frozen')), 'a string', undefined, null]) {
      const fail = (): never => {
        throw thrown
      }
      assert.equal(
        caught(() => carrier.run('value', fail)),
        thrown,
      )
      assert.equal(
        caught(() => carrier.capture(CapturedContext).runInAsyncScope(fail)),
        thrown,
      )
    }
    const error = new Error('plain')
    assert.throws(() =>
      carrier.run('value', () => {
        throw error
      }),
    )
    assert.deepEqual(Object.keys(error), [])
    assert.equal(namespace.active, null)
  })

  test('the contexts of tasks that register their successors make no chain', async () => {
    const afterCommit = instance({ maxPending: 10 })
    const other = instance({ maxPending: 10 })
    const depths = new Set<number>()
    const again = (n: number): void => {
      depths.add(depth(namespace.active as object))
      namespace.set('step', n)
      const register = n % 2 === 0 ? afterCommit : other
      if (n > 0) register(() => again(n - 1))
    }
    await request('1', async () => {
      again(100)
      while (afterCommit.stats().pending + other.stats().pending > 0) {
        await Promise.all([afterCommit.idle(), other.idle()])
      }
    })
    // The request's own, and that of a task, which inherits from it.
    assert.deepEqual([...depths], [2, 3])
  })

  test('refuses what is no namespace', () => {
    const missing = getNamespace('no such') as typeof namespace
    for (const wrong of [missing, {} as typeof namespace]) {
      assert.throws(() => clsHooked(wrong), {
        code: 'ERR_OPTIONS',
        message: /^Expected `namespace` to be a cls-hooked namespace, got `/,
      })
    }
  })
})

function caught(fn: () => unknown): unknown {
  try {
    fn()
  } catch (error) {
    return error
  }
  return assert.fail('nothing was thrown')
}

function depth(context: object | null): number {
  return context === null ? 0 : 1 + depth(Object.getPrototypeOf(context) as object | null)
}
