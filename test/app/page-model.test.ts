import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Happening, Origin, TaskStep } from '../../src/app/page/events.js'
import { Model, endOf, isOpen } from '../../src/app/page/client/model.js'
import { scaleOf, ticksOf } from '../../src/app/page/client/scale.js'
import { present } from './shop.js'

const by = (pid: number): Omit<Origin, 'at'> => ({ rung: 'outbox', process: pid === 1 ? 'A' : 'B', pid })
const asked = (requestId: string, at: number): Happening => ({
  kind: 'asked',
  requestId,
  at,
  rung: 'outbox',
  path: '/logins',
})
const task = (at: number, step: string, pid = 1, more: Partial<TaskStep> = {}): Happening => {
  const own = { taskId: 't', name: 'give-points', requestId: 'r', attempt: 1, by: 'relay' as const }
  return { kind: 'task', ...by(pid), ...own, at, step, ...more }
}
const answered = (at: number): Happening => ({
  kind: 'request',
  ...by(1),
  at,
  step: 'answered',
  requestId: 'r',
  status: 201,
})
const killed = (at: number, pid = 1): Happening => ({ kind: 'process', ...by(pid), at, state: 'killed' })

const modelOf = (...happenings: readonly Happening[]) => {
  const model = new Model()
  for (const happening of happenings) model.add(happening)
  return { model, strip: present(model.strips[0]), lane: model.strips[0]?.lanes[0] }
}

describe('what the timeline draws', () => {
  it('is a bar for each wait, attempt and pause, from event to event', () => {
    const retried = [task(2, 'accepted'), task(5, 'started'), task(9, 'retrying', 1, { error: 'no' })]
    const { strip, lane } = modelOf(
      asked('r', 1),
      answered(3),
      ...retried,
      task(20, 'started', 1, { attempt: 2 }),
      task(24, 'succeeded'),
    )
    assert.deepEqual(
      lane?.bars.map(({ kind, from, to, ended }) => [kind, from, to, ended]),
      [
        ['waiting', 2, 5, undefined],
        ['attempt', 5, 9, 'failed'],
        ['backoff', 9, 20, undefined],
        ['attempt', 20, 24, 'succeeded'],
      ],
    )
    assert.equal(lane.attempts, 2)
    assert.equal(isOpen(strip), false)
    assert.equal(endOf(strip, 99), 24)
  })

  it('cuts what a killed process had in memory, and nothing else', () => {
    const { strip, lane } = modelOf(
      asked('r', 1),
      answered(3),
      task(2, 'accepted'),
      task(5, 'started'),
      killed(6, 2),
      killed(8, 1),
    )
    assert.deepEqual(lane?.bars.at(-1), {
      kind: 'attempt',
      from: 5,
      to: 8,
      ended: 'cut',
      process: 'A',
      pid: 1,
      attempt: 1,
    })
    assert.deepEqual([lane.state, isOpen(strip), strip.cutAt], ['cut', false, 8])
  })

  it('leaves a stored message in the outbox when its process is killed', () => {
    const stored = [task(2, 'accepted'), task(3, 'stored')]
    const waiting = modelOf(asked('r', 1), answered(4), ...stored, killed(8))
    assert.deepEqual([waiting.lane?.bars.length, isOpen(waiting.strip)], [1, true])
    const { lane, strip } = modelOf(
      asked('r', 1),
      answered(4),
      ...stored,
      task(5, 'started'),
      killed(8),
      task(20, 'started', 2),
      task(22, 'succeeded', 2),
    )
    assert.deepEqual(
      lane?.bars.map(({ kind, from, to, ended, process }) => [kind, from, to, ended, process]),
      [
        ['stored', 3, 5, undefined, 'A'],
        ['attempt', 5, 8, 'cut', 'A'],
        ['stored', 8, 20, undefined, 'A'],
        ['attempt', 20, 22, 'succeeded', 'B'],
      ],
    )
    assert.equal(isOpen(strip), false)
  })

  it('calls lost what the books call lost', () => {
    const { model, strip } = modelOf(asked('r', 1), answered(3), task(2, 'accepted'), killed(8))
    assert.equal(strip.lost, false)
    const counts = {
      owed: 1,
      delivered: 0,
      twice: 0,
      failed: 0,
      dead: 0,
      stored: 0,
      inMemory: 0,
      cameBack: 0,
      forNothing: 0,
    }
    model.add({
      kind: 'books',
      at: 9,
      rung: 'outbox',
      books: { ...counts, lost: 1, lostRequests: ['r'], forNothingRequests: [] },
    })
    assert.equal(strip.lost, true)
  })

  it('keeps the newest requests', () => {
    const { model } = modelOf(...Array.from({ length: 300 }, (_, index) => asked(`r${index}`, index)))
    assert.equal(model.strips.length, 200)
    assert.equal(model.strips.at(-1)?.requestId, 'r299')
  })

  it('is as wide as what belongs together, on round numbers', () => {
    const { model } = modelOf(asked('a', 0), asked('b', 100_000), asked('c', 101_500))
    for (const strip of model.strips) Object.assign(strip, { answer: { at: strip.at + 40, status: 201 } })
    assert.equal(scaleOf(model.strips, 'click', 200_000).span, 200)
    const clock = scaleOf(model.strips, 'clock', 200_000)
    assert.deepEqual([clock.span, clock.place(0), clock.place(101_500)], [2_000, undefined, 1_500])
    assert.deepEqual(ticksOf(2_000), [0, 500, 1_000, 1_500, 2_000])
  })
})
