import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as turnOfImmediates, setTimeout as turnOfTimers } from 'node:timers/promises'
import { defineTask } from '../../src/index.js'
import { start } from '../support/recorders.js'

const flood = 10_000
/** Of the flood, what may have run before anything else has had its turn: a tenth. */
const few = flood / 10

/** Holds the event loop for a twentieth of a millisecond: the flood lasts half a second, a hundred turns. */
function burn(): void {
  const end = performance.now() + 0.05
  while (performance.now() < end);
}

const kinds = {
  'synchronous tasks': burn,
  'tasks that await': async () => {
    await Promise.resolve()
    burn()
  },
  'tasks that wait for a turn of the event loop': async () => {
    burn()
    await turnOfImmediates()
  },
} as const

describe('Fairness: a flood in one queue delays nobody else', { concurrency: 1 }, () => {
  for (const [kind, work] of Object.entries(kinds)) {
    function flooded() {
      const queues = { flood: { maxPending: flood }, calm: { concurrency: 1 } }
      const { afterCommit } = start({ queues })
      let ran = 0
      const drop = defineTask(
        'drop',
        () => {
          ran++
          return work()
        },
        { queue: 'flood' },
      )
      for (let n = 0; n < flood; n++) afterCommit(drop)
      return { afterCommit, ran: () => ran }
    }

    test(`${kind}: what is registered after the flood in another queue runs long before the end of it`, async () => {
      const { afterCommit, ran } = flooded()
      const before: number[] = []
      const calm = defineTask('calm', () => void before.push(ran()), { queue: 'calm' })
      for (let n = 0; n < 3; n++) await afterCommit(calm).settled // one at a time, as requests come
      await afterCommit('in the own queue of the instance', () => void before.push(ran())).settled
      await afterCommit.idle()
      assert.equal(ran(), flood)
      const steps = before.map((count, index) => count - (before[index - 1] ?? 0))
      assert.deepEqual(
        steps.filter((count) => count > few),
        [],
        `flood that had run in between: ${steps.join(', ')}`,
      )
    })

    test(`${kind}: timers and immediates of the application go on`, async () => {
      const { afterCommit, ran } = flooded()
      const longest = { immediates: 0, timers: 0 }
      const watch = async (what: keyof typeof longest, next: () => Promise<unknown>): Promise<void> => {
        for (let last = 0; ran() < flood; last = ran()) {
          await next()
          longest[what] = Math.max(longest[what], ran() - last)
        }
      }
      await Promise.all([
        watch('immediates', () => turnOfImmediates()),
        watch('timers', () => turnOfTimers(1)),
        afterCommit.idle(),
      ])
      assert.equal(longest.immediates < few && longest.timers < few, true, JSON.stringify(longest))
    })
  }
})
