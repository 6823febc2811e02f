import assert from 'node:assert/strict'
import { createHook } from 'node:async_hooks'
import { describe, test } from 'node:test'
import { defineTask } from '../../src/index.js'
import { forEachDatabase } from '../support/databases.js'
import { messagesOf, relaying } from '../support/outbox.js'
import { start } from '../support/recorders.js'
import { insert, sharedClient } from '../support/watched.js'
import { deferred, until } from '../support/wait.js'

/** How often each AsyncResource of the library that was made while `run` ran has been destroyed. */
async function destroyed(run: () => Promise<void>, expected: number): Promise<number[]> {
  const counts = new Map<number, number>()
  const hook = createHook({
    init: (id, type) => void (type === 'after-commit' && counts.set(id, 0)),
    destroy: (id) => void (counts.has(id) && counts.set(id, (counts.get(id) ?? 0) + 1)),
  }).enable()
  try {
    await run()
    // Node tells of it in a later turn.
    await until(() => [...counts.values()].filter((count) => count > 0).length >= expected)
  } finally {
    hook.disable()
  }
  return [...counts.values()]
}

const fail = (): never => {
  throw new Error('no')
}

// cls-hooked keeps what it has of an AsyncResource until that is destroyed, and complains of nothing.
describe('The async context of a task is let go of once', () => {
  forEachDatabase(
    (db) => {
      test('whatever its outcome is, and that of an onRollback function', async () => {
        const { afterCommit } = start({ concurrency: 1, maxPending: 3 })
        const prisma = afterCommit.watch(sharedClient(db))
        const finish = deferred()
        const outcomes = async (): Promise<void> => {
          const handles = [
            afterCommit('succeeded', () => finish.promise),
            afterCommit('failed', fail),
            afterCommit('cancelled', () => undefined),
            afterCommit('rejected', () => undefined),
          ]
          handles[2]?.cancel()
          await prisma
            .$transaction(async (tx) => {
              await insert(tx, 'a')
              afterCommit.onRollback(() => undefined)
              handles.push(
                afterCommit('discarded', () => undefined),
                afterCommit('cancelled', () => undefined),
              )
              handles.at(-1)?.cancel()
              fail()
            })
            .catch(() => undefined)
          finish.resolve()
          await afterCommit.idle()
          handles.push(afterCommit('interrupted', () => new Promise(() => {})))
          await until(() => afterCommit.stats().running === 1)
          await afterCommit.close({ grace: 0 })
          for (const { name, settled } of handles) assert.equal((await settled).status, name)
        }
        assert.deepEqual(await destroyed(outcomes, 8), Array<number>(8).fill(1))
      })

      test('of a delivery, too: handled, tried again, dead', async (t) => {
        const task = defineTask('counts', (n: number) => (n === 0 ? undefined : fail()), { durable: true })
        const { afterCommit, prisma, relay } = await relaying(t, db, [task], { relay: { maxAttempts: 2 } })
        const deliveries = async (): Promise<void> => {
          await prisma.$transaction(async (tx) => {
            await insert(tx, 'a')
            afterCommit(task, 0)
            afterCommit(task, 1)
          })
          await until(async () => (await messagesOf(db)).every(({ status }) => status === 'dead'))
          await until(() => relay.stats().dead === 1)
          await relay.stop()
        }
        // Two registrations, and three attempts.
        assert.deepEqual(await destroyed(deliveries, 5), Array<number>(5).fill(1))
      })
    },
    { only: ['sqlite'] },
  )
})
