import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { Line } from '../../src/core/line.js'
import type { Task } from '../../src/core/task.js'

const step = fc.oneof(
  fc.record({ kind: fc.constant('push' as const), count: fc.integer({ min: 1, max: 1_300 }) }),
  fc.record({ kind: fc.constant('shift' as const), count: fc.integer({ min: 1, max: 1_300 }) }),
  fc.record({ kind: fc.constant('leave' as const), count: fc.integer({ min: 1, max: 900 }), from: fc.nat(2_000) }),
)

/** What waits, as the simplest thing that can say it. */
function check(steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[]): void {
  const line = new Line()
  const expected: Task[] = []
  for (const { kind, count, ...more } of steps) {
    for (let n = 0; n < count; n++) {
      if (kind === 'push') {
        const task = { outcome: undefined } as Task
        line.push(task)
        expected.push(task)
      } else if (kind === 'shift') assert.equal(line.shift(), expected.shift())
      else {
        const from = 'from' in more ? more.from : 0
        const [task] = expected.splice(from % Math.max(expected.length, 1), 1)
        if (!task) break
        task.outcome = { status: 'cancelled', attempts: 0 }
        line.left()
      }
    }
    assert.equal(line.size, expected.length)
    assert.equal(line.first, expected[0])
    assert.deepEqual(line.all().length, expected.length)
    assert.ok(line.all().every((task, place) => task === expected[place]))
  }
}

describe('The line of waiting tasks', () => {
  test('has those that have no outcome, in order, whoever came, was taken out or left in between', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => check(steps)),
      { seed: 578_162_150, numRuns: 300 },
    )
  })

  test('lets go of those that have left behind one that has not', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const line = new Line()
    line.push({ outcome: undefined } as Task)
    const left = Array.from({ length: 3_000 }, () => {
      const task = { outcome: undefined } as Task
      line.push(task)
      return new WeakRef(task)
    })
    for (const each of left) {
      const task = each.deref()
      if (task) task.outcome = { status: 'cancelled', attempts: 0 }
      line.left()
    }
    await turn() // a WeakRef holds what it was made for, and what it was asked for, until then
    collect()
    const kept = left.filter((each) => each.deref()).length
    assert.ok(kept < 70, `${kept} are kept`)
    assert.equal(line.size, 1)
  })

  test('lets go of those that are taken out, one after the other', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const line = new Line()
    const taken = Array.from({ length: 10 }, () => {
      line.push({ outcome: undefined } as Task)
      return new WeakRef(line.shift() as Task)
    })
    await turn()
    collect()
    assert.deepEqual(taken.map((each) => each.deref()).filter(Boolean), [])
  })
})
