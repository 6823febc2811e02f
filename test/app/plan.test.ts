import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { makePlan } from '../../src/app/demo/plan.js'
import type { SampleData } from '../../src/app/sample-data.js'

const data: SampleData = {
  users: [1, 2, 3].map((id) => ({ id, email: `user${id}@shop.example` })),
  courses: [{ id: 1, lessonIds: [1, 2] }],
  nearlySoldOut: [{ id: 2 }],
  drafts: [{ id: 3 }],
  soldOut: [],
  emptyDrafts: [{ id: 4 }],
}

describe('the plan of the demo', () => {
  it('is the same for the same seed, and another for another', () => {
    assert.deepEqual(makePlan(100, data, 7), makePlan(100, data, 7))
    assert.notDeepEqual(makePlan(100, data, 7), makePlan(100, data, 8))
  })

  it('holds every kind of request, each with an id of its own', () => {
    const { requests } = makePlan(200, data)
    assert.equal(new Set(requests.map(({ id }) => id)).size, 200)
    assert.deepEqual([...new Set(requests.map(({ kind }) => kind))].toSorted(), [
      'code',
      'course',
      'lesson',
      'login',
      'order',
    ])
  })

  it('sends its burst while the points partner is slow, and ends with every partner up', () => {
    const { requests, troubles } = makePlan(100, data)
    const burst = requests.slice(-20)
    for (const { at, kind } of burst) {
      assert.match(kind, /login|code/)
      assert.deepEqual(troubles.findLast((trouble) => trouble.at <= at)?.settings, { latency: 300 })
    }
    const final = Object.assign(
      {},
      ...troubles.filter(({ partner }) => partner === 'points').map(({ settings }) => settings),
    )
    assert.deepEqual(final, { down: false, latency: 20 })
  })
})
