import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { Arena } from '../arena.js'
import { startCluster } from '../cluster.js'
import type { Scenario } from '../scenario.js'

const relay = { pollInterval: 100, retry: { minTimeout: 100, maxTimeout: 500 } }

const terminateAll = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()`

/** In turns; the processes of the library live through all of it. */
export const databaseTrouble: Scenario = {
  name: 'the database is restarted, crashes, and ends all its connections',
  on: ['postgresql'],
  async run({ seed, seconds, ledger }) {
    const cluster = await startCluster()
    if (!cluster) throw new Error('Expected PostgreSQL of Debian in /usr/lib/postgresql')
    const arena = await Arena.open({ server: cluster.server, seed, seconds, ledger })
    const troubles = [
      () => cluster.restart('SIGINT'),
      () => arena.db.query(terminateAll, []),
      () => cluster.restart('SIGQUIT'),
      () => arena.db.query(terminateAll, []),
    ]
    try {
      const shop = await arena.start({ produce: { seed, from: 0 }, relay })
      await arena.start({ relay, pool: true })
      for (let n = 0; n < Math.max(troubles.length, Math.floor(seconds / 4)); n++) {
        const had = arena.ledger.read().filter(({ what }) => what === 'written').length
        await arena.count('written', had + 20)
        for (const { pid } of arena.members) ledger.write({ what: 'cut' }, pid)
        await troubles[n % troubles.length]?.()
        await delay(500)
      }
      shop.tell('enough')
      await shop.said('produced')
      await arena.drained()
      const verdict = await arena.verdict()
      assert.ok(arena.members.every(({ isOver }) => isOver))
      return verdict
    } finally {
      await arena.close()
      await cluster.close()
    }
  },
}
