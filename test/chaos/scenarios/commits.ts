// Killed around the COMMIT: the rows and the messages share one fate.
import assert from 'node:assert/strict'
import { eventually } from '../eventually.js'
import { waitingForLocks } from '../locks.js'
import { everywhere, type Scenario, servers } from '../scenario.js'
import { committedIn } from '../tables.js'
import { transactionOf, workOf } from '../workload.js'

const first = transactionOf('t1', [workOf('t1.0', { key: 'k' }), workOf('t1.1')])
const second = transactionOf('t2', [workOf('t2.0', { key: 'k' }), workOf('t2.1')])

export const killedBeforeCommit: Scenario = {
  name: 'the application is killed before COMMIT, its messages stored',
  on: everywhere,
  async run(arena) {
    const killed = await arena.start({ produce: [first], pauseAt: 'before commit' })
    await killed.said('paused')
    await killed.kill()
    const next = await arena.start({ produce: [second], relay: {} })
    await next.said('produced')
    await arena.drained()
    const verdict = await arena.verdict()
    assert.deepEqual(
      (await committedIn(arena.db)).map(({ name }) => name),
      ['t2'],
    )
    return verdict
  },
}

export const killedAfterCommit: Scenario = {
  name: 'the application is killed after COMMIT, before it hears of it',
  on: everywhere,
  async run(arena) {
    const killed = await arena.start({ produce: [first], pauseAt: 'after commit', relay: {} })
    await killed.said('paused')
    await killed.kill()
    const next = await arena.start({ produce: [second], relay: {} })
    await next.said('produced')
    await arena.drained()
    const verdict = await arena.verdict()
    assert.equal(verdict.committed, 4)
    return verdict
  },
}

export const lateCommit: Scenario = {
  name: 'T1 takes its id first and commits last, stopped in between',
  on: servers,
  async run(arena) {
    const t1 = await arena.start({ produce: [first], pauseAt: 'before commit' })
    await t1.said('paused')
    await t1.suspend()
    const passing = await arena.start({
      produce: [transactionOf('t3', [workOf('t3.0', { key: 'other' }), workOf('t3.1')])],
    })
    await passing.said('produced')
    const relay = await arena.start({ relay: {} })
    await arena.count('written', 2, relay.pid)
    const behind = await arena.start({ produce: [second] })
    await eventually(() => waitingForLocks(arena))
    t1.resume()
    t1.tell('go')
    await Promise.all([t1.said('produced'), behind.said('produced')])
    await arena.drained()
    assert.deepEqual(
      (await committedIn(arena.db)).map(({ name }) => name),
      ['t3', 't1', 't2'],
    )
    return await arena.verdict()
  },
}
