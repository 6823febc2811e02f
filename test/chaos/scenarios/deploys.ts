// SIGTERM: whoever gets it ends in time, and what it had goes on at once.
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '../eventually.js'
import type { Arena, Asked } from '../arena.js'
import { holdLock, waitingForLocks } from '../locks.js'
import { everywhere, type Scenario } from '../scenario.js'
import { transactionOf, workOf } from '../workload.js'

/** Longer than any scenario: what is handled again before has been given back. */
const lease = 600_000
const grace = 1_000

const isGivenBack = async (arena: Arena): Promise<void> => {
  for (const { status } of await arena.left()) assert.equal(status, 'pending')
}

export const terminatedInBackoff: Scenario = {
  name: 'a relay gets SIGTERM while its message backs off',
  on: everywhere,
  async run(arena) {
    arena.lease = lease
    const retry = { minTimeout: 4_000, randomize: false }
    const work = [workOf('a', { fails: 1 }), workOf('b')]
    const first = await arena.start({ relay: { retry }, grace, produce: [transactionOf('t1', work)] })
    await arena.count('failed', 1)
    await eventually(async () => (await arena.left()).every(({ status }) => status === 'pending'))
    await first.terminate()
    await arena.start({ relay: {} })
    await arena.drained()
    return await arena.verdict()
  },
}

export const terminatedInClaim: Scenario = {
  name: 'a relay gets SIGTERM while its claim is under way',
  on: ['postgresql'],
  async run(arena) {
    arena.lease = lease
    const first = await arena.start({ relay: { pollInterval: 50 }, grace: 60_000 })
    const work = ['a', 'b', 'c'].map((name) => workOf(name))
    const shop = await arena.start({ produce: [transactionOf('t1', work)], pauseAt: 'before commit' })
    await shop.said('paused')
    // Taken while the application has its rows in the table: whoever comes later waits behind it.
    const lock = holdLock(arena, 'LOCK TABLE "OutboxMessage" IN ACCESS EXCLUSIVE MODE')
    await eventually(async () => (await waitingForLocks(arena)) >= 2)
    shop.tell('go')
    await shop.said('produced')
    const held = await lock
    await eventually(async () => (await waitingForLocks(arena)) >= 1)
    const ended = first.terminate()
    await held.release()
    await ended
    await isGivenBack(arena)
    await arena.start({ relay: {} })
    await arena.drained()
    const verdict = await arena.verdict()
    assert.equal(verdict.duplicates, 0)
    return verdict
  },
}

export const terminatedInHandler: Scenario = {
  name: 'a relay gets SIGTERM while handlers run that do not end',
  on: everywhere,
  async run(arena) {
    arena.lease = lease
    const work = ['a', 'b', 'c', 'd', 'e'].map((name) => workOf(name, { key: name === 'a' ? 'k' : '' }))
    const holds: Asked = { relay: { concurrency: 3, batch: 3 }, holds: 'before effect', grace }
    const first = await arena.start({ ...holds, produce: [transactionOf('t1', work)] })
    await arena.count('started', 3)
    arena.ledger.write({ what: 'stop' }, first.pid)
    await first.terminate()
    await isGivenBack(arena)
    await arena.start({ relay: {} })
    await arena.drained()
    const verdict = await arena.verdict()
    assert.equal(verdict.duplicates, 3)
    return verdict
  },
}

export const rollingDeploy: Scenario = {
  name: 'relays are replaced one by one, the old ones do not know a new task',
  on: everywhere,
  async run(arena) {
    arena.lease = lease
    await arena.keepSpares(1)
    const relay = { pollInterval: 100, retry: { minTimeout: 100, maxTimeout: 500 } }
    const old: Asked = { relay, knows: ['keyed', 'loose'] }
    const olds = [await arena.start(old), await arena.start(old)]
    const shop = await arena.start({ produce: { seed: arena.seed, from: 0, extra: true } })
    await arena.count('written', 50)
    for (const each of olds) {
      await arena.start({ relay })
      await each.terminate()
    }
    await arena.count('written', 150)
    await delay(Math.min(5_000, arena.seconds * 100))
    shop.tell('enough')
    await shop.said('produced')
    await arena.drained()
    const verdict = await arena.verdict()
    assert.deepEqual([verdict.duplicates, verdict.dead], [0, []])
    return verdict
  },
}
