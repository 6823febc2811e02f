// Killed again and again, while an application goes on committing.
import { setTimeout as delay } from 'node:timers/promises'
import type { Arena, Asked } from '../arena.js'
import type { Verdict } from '../checker.js'
import type { Member } from '../member.js'
import { everywhere, type Scenario } from '../scenario.js'
import { randomFrom } from '../workload.js'

const pollInterval = 100
const retry = { minTimeout: 100, maxTimeout: 500 }

export const twoRelays: Scenario = {
  name: 'two relays, one of them killed every second',
  on: everywhere,
  isForAll: true,
  async run(arena) {
    const random = randomFrom(arena.seed)
    await arena.keepSpares(2)
    const shop = await arena.start({ produce: { seed: arena.seed, from: 0 } })
    const hasPool = arena.server.name === 'postgresql'
    const start = (which: number): Promise<Member> =>
      arena.start({ relay: { pollInterval, retry }, pool: hasPool && which === 0 })
    /** Those that are there to be killed; in the place of the others one is starting. */
    const ready = new Map<number, Member>()
    const starting = new Set<Promise<void>>()
    const replace = (which: number): void => {
      const started = start(which).then((relay) => void ready.set(which, relay))
      starting.add(started)
      void started.finally(() => starting.delete(started))
    }
    replace(0)
    replace(1)
    const end = performance.now() + arena.seconds * 1_000
    while (performance.now() < end) {
      await delay(1_000)
      const which = ready.has(0) && ready.has(1) ? (random() < 0.5 ? 0 : 1) : ready.has(0) ? 0 : 1
      const victim = ready.get(which)
      if (!victim) continue
      ready.delete(which)
      await victim.kill()
      replace(which)
    }
    await Promise.all(starting)
    shop.tell('enough')
    await shop.said('produced')
    await arena.drained()
    return await arena.verdict()
  },
}

const kills = 5

/** An application that commits, and handles what it has committed, killed five times. */
async function killedApplication(arena: Arena, how: Asked): Promise<Verdict> {
  const random = randomFrom(arena.seed)
  await arena.keepSpares(1)
  for (let n = 0; n <= kills; n++) {
    const begun = arena.ledger.read().flatMap((entry) => (entry.what === 'begun' ? [entry.transaction + 1] : []))
    const app = await arena.start({ ...how, produce: { seed: arena.seed, from: Math.max(0, ...begun) } })
    const some = 60 + Math.floor(random() * 60)
    await arena.count('started', arena.ledger.read().filter(({ what }) => what === 'started').length + some)
    if (n < kills) await app.kill()
    else {
      app.tell('enough')
      await app.said('produced')
    }
  }
  if (how.rung !== 'memory') await arena.drained()
  return await arena.verdict()
}

export const inOutbox: Scenario = {
  name: 'the application is killed five times, its tasks durable',
  on: everywhere,
  run: (arena) => killedApplication(arena, { relay: { pollInterval, retry } }),
}

export const inMemory: Scenario = {
  name: 'the application is killed five times, its tasks in memory',
  on: everywhere,
  isInMemory: true,
  run: (arena) => killedApplication(arena, { rung: 'memory' }),
}
