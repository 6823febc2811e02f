// What the charts of the dashboard are made of, and what it costs.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { State } from '../../src/express/dashboard/answers.js'
import { Durations } from '../../src/express/dashboard/durations.js'
import { Watch } from '../../src/express/dashboard/watch.js'
import type { AfterCommit } from '../../src/index.js'
import { mounted, read } from '../support/dashboard.js'
import { start } from '../support/recorders.js'
import { until } from '../support/wait.js'

/** The instance, and how many listeners of others it has now. */
function counted(afterCommit: AfterCommit): { source: AfterCommit; listeners: () => number } {
  let listeners = 0
  const on: AfterCommit['on'] = (event, listener) => {
    const remove = afterCommit.on(event, listener)
    listeners++
    return () => {
      listeners--
      remove()
    }
  }
  return {
    source: Object.assign(() => undefined, { ...afterCommit, on }) as unknown as AfterCommit,
    listeners: () => listeners,
  }
}

describe('the watch of a dashboard', () => {
  test('listens to nothing until somebody looks, so a mounted dashboard costs a task nothing', async () => {
    const { afterCommit } = start()
    const { source, listeners } = counted(afterCommit)
    const app = mounted(source)
    assert.equal(listeners(), 0)
    await read<State>(app, 'state')
    assert.ok(listeners() > 0)
  })

  test('stops when nobody has looked for a while, and begins anew', async () => {
    const { afterCommit } = start()
    const { source, listeners } = counted(afterCommit)
    const watch = new Watch({ sources: [source], patience: 20 })
    watch.look(0)
    await afterCommit('seen', () => undefined).settled
    await until(() => listeners() === 0)
    await afterCommit('not seen', () => undefined).settled
    assert.deepEqual(watch.look(0).tasks, [])
    watch.stop()
    assert.equal(listeners(), 0)
  })

  test('counts the attempts of each task, those that failed, and how long they took', async () => {
    const { afterCommit } = start({ retry: { retries: 2, minTimeout: 1 } })
    const watch = new Watch({ sources: [afterCommit] })
    watch.look(0)
    for (let n = 0; n < 5; n++) afterCommit('works', () => undefined)
    afterCommit('fails', () => Promise.reject(new Error('boom')))
    await afterCommit.idle()
    const { tasks, at } = watch.look(0)
    const seen = tasks.map(({ name, succeeded, failed, p50, p95, points }) => {
      assert.ok(p50 !== null && p95 !== null && p50 <= p95 && p95 < 60_000)
      const sums = [1, 2].map((place) => points.reduce((sum, point) => sum + Number(point[place]), 0))
      return [name, succeeded, failed, sums]
    })
    assert.deepEqual(seen, [
      ['works', 5, 0, [5, 0]],
      ['fails', 0, 3, [0, 3]],
    ])
    assert.deepEqual(
      watch.look(at + 1).tasks.map(({ points }) => points),
      [[], []],
    )
    watch.stop()
  })

  test('counts names beyond a hundred together: a name may have an id in it', async () => {
    const { afterCommit } = start({ maxPending: 1_000 })
    const watch = new Watch({ sources: [afterCommit] })
    watch.look(0)
    for (let n = 0; n < 250; n++) afterCommit(`mail to ${n}`, () => undefined)
    await afterCommit.idle()
    const { tasks } = watch.look(0)
    assert.equal(tasks.length, 101)
    assert.equal(tasks.find(({ name }) => name === '(other tasks)')?.succeeded, 150)
    watch.stop()
  })

  test('knows quantiles of durations to within a tenth', () => {
    const durations = new Durations()
    assert.equal(durations.quantile(0.5), null)
    for (let ms = 1; ms <= 1_000; ms++) durations.add(ms)
    for (const share of [0.01, 0.5, 0.95, 0.99, 1]) {
      const quantile = durations.quantile(share) ?? Number.NaN
      assert.ok(Math.abs(quantile / (1_000 * share) - 1) <= 0.1, `${share}: ${quantile}`)
    }
    const both = new Durations()
    both.addAll(durations)
    both.add(0.2)
    assert.deepEqual([both.size, both.quantile(0)], [1_001, 0])
  })
})
