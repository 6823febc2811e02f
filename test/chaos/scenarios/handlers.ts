// Killed and stopped while they handle.
import assert from 'node:assert/strict'
import { eventually } from '../eventually.js'
import type { Arena } from '../arena.js'
import { holdLock, waitingForLocks } from '../locks.js'
import type { Member } from '../member.js'
import { everywhere, type Scenario, servers } from '../scenario.js'
import { effectsIn } from '../tables.js'
import { transactionOf, type Work, workOf } from '../workload.js'

const six = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => workOf(name, name < 'e' ? {} : { key: 'k' }))
/** The first of them that can run at once: of the two with a key, one. */
const atOnce = 5

/** A relay that has messages in hand, and lets none of them go before it is told. */
async function busyRelay(arena: Arena, work: readonly Work[], count: number): Promise<Member> {
  const produce = [transactionOf('t1', work)]
  const relay = await arena.start({ relay: { concurrency: 20 }, holds: 'before effect', produce })
  await arena.count('started', count)
  return relay
}

export const killedMidHandler: Scenario = {
  name: 'a relay is killed while handlers run',
  on: everywhere,
  async run(arena) {
    const killed = await busyRelay(arena, six, atOnce)
    await killed.kill()
    await arena.start({ relay: {} })
    await arena.drained()
    const verdict = await arena.verdict()
    assert.equal(verdict.duplicates, atOnce)
    return verdict
  },
}

export const killedAfterHandler: Scenario = {
  name: 'a relay is killed between a handler and its completion',
  on: everywhere,
  async run(arena) {
    const work = six.map((one) => (one.name === 'c' ? { ...one, kills: 'after' as const } : one))
    const killed = await arena.start({ relay: {}, produce: [transactionOf('t1', work)] })
    killed.isExpected = true
    await killed.ended
    arena.ledger.write({ what: 'killed' }, killed.pid)
    await arena.start({ relay: {} })
    await arena.drained()
    const ended = arena.ledger.read().filter((entry) => entry.what === 'ended' && entry.message === 'c')
    assert.deepEqual(
      ended.map((entry) => entry.what === 'ended' && entry.effect),
      [true, false],
    )
    return await arena.verdict()
  },
}

const twenty = Array.from({ length: 20 }, (_, n) => workOf(`m${n}`))

export const killedInCompletion: Scenario = {
  name: 'a relay is killed during the batch of its completions',
  on: servers,
  async run(arena) {
    const killed = await busyRelay(arena, twenty, twenty.length)
    const [last] = await arena.db.query('SELECT max("id") AS "id" FROM "OutboxMessage"', [])
    const row = `SELECT 1 FROM "OutboxMessage" WHERE "id" = ${Number(last?.['id'])} FOR UPDATE`
    const lock = await holdLock(arena, arena.server.provider === 'mysql' ? row.replaceAll('"', '`') : row)
    killed.tell('go')
    await arena.count('ended', twenty.length)
    await eventually(() => waitingForLocks(arena))
    await killed.kill()
    // Its statement goes on in the server, which hears of the death only when it answers.
    if (arena.server.name === 'postgresql') {
      await arena.db.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        [],
      )
    }
    await lock.release()
    await arena.start({ relay: {} })
    await arena.drained()
    const verdict = await arena.verdict()
    // Results are written one batch at a time. The one before this may be there although its answer was not heard any more.
    const entries = arena.ledger.read()
    const written = entries.filter(({ what, pid }) => what === 'written' && pid === killed.pid).length
    assert.ok(verdict.duplicates <= twenty.length - written, `${verdict.duplicates} again, ${written} written`)
    const locked = entries.filter((entry) => entry.what === 'ended' && entry.message === twenty.at(-1)?.name)
    assert.equal(locked.length, 2, 'what could not be written is handled again')
    return verdict
  },
}

export const stopped: Scenario = {
  name: 'a relay is stopped past its lease, and goes on',
  on: everywhere,
  async run(arena) {
    const first = await busyRelay(arena, six, atOnce)
    await first.suspend()
    await arena.start({ relay: {} })
    await arena.drained()
    first.resume()
    first.tell('go')
    await arena.count('ended', atOnce, first.pid)
    await eventually(async () => (await first.stats()).stale === atOnce)
    assert.equal((await first.stats()).succeeded, 0)
    return await arena.verdict()
  },
}

export const staleCompletion: Scenario = {
  name: 'a stale completion arrives while the second attempt runs, and fails',
  on: everywhere,
  async run(arena) {
    const produce = [transactionOf('t1', [workOf('a')])]
    const first = await arena.start({ relay: {}, holds: 'after effect', produce })
    await eventually(async () => (await effectsIn(arena.db)).length === 1)
    await first.suspend()
    const second = await arena.start({ relay: {}, holds: 'before effect', failsFirst: 1 })
    await arena.count('started', 1, second.pid)
    // It is there before the process knows that its lease is over: the completion is on its way before any renewal is answered.
    first.tell('go')
    first.resume()
    await eventually(async () => (await first.stats()).stale === 1)
    second.tell('go')
    await arena.count('failed', 1, second.pid)
    await arena.drained()
    const verdict = await arena.verdict()
    const attempts = arena.ledger.read().filter(({ what }) => what === 'started')
    // The failure of the one that held the lease counts: it was tried again.
    assert.equal(attempts.length, 3)
    return verdict
  },
}
