import assert from 'node:assert/strict'
import type { Arena } from '../arena.js'
import { everywhere, type Scenario } from '../scenario.js'
import { transactionOf, workOf } from '../workload.js'

const work = Array.from({ length: 41 }, (_, n) => workOf(`m${n}`, { takes: 5, ...(n === 5 && { kills: 'before' }) }))
const maxAttempts = 3

/** A relay in whose place another one starts when it is killed, until all is over. */
async function supervise(arena: Arena, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const relay = await arena.start({ relay: { maxAttempts } })
    await Promise.race([relay.ended, arena.drained()])
    if (!relay.isOver) return
    relay.isExpected = true
    arena.ledger.write({ what: 'killed' }, relay.pid)
  }
}

export const poison: Scenario = {
  name: 'a message kills each relay that handles it, beside 40 neighbours',
  on: everywhere,
  async run(arena) {
    const shop = await arena.start({ produce: [transactionOf('t1', work)] })
    await shop.said('produced')
    let isOver = false
    const relays = [1, 2].map(() => supervise(arena, () => isOver))
    await arena.drained()
    isOver = true
    await Promise.all(relays)
    const verdict = await arena.verdict()
    assert.deepEqual(verdict.dead, ['m5'])
    const [dead] = await arena.left()
    assert.deepEqual([dead?.attempts, dead?.failCount], [maxAttempts, 0])
    const times = (name: string): number =>
      arena.ledger.read().filter((entry) => entry.what === 'started' && entry.message === name).length
    // The attempt of the batch, of which nobody knew whose fault it was, and those that count.
    assert.equal(times('m5'), maxAttempts + 1)
    return verdict
  },
}
