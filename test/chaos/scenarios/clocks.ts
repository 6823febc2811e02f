import assert from 'node:assert/strict'
import { everywhere, type Scenario } from '../scenario.js'
import { transactionOf, workOf } from '../workload.js'

const hour = 3_600_000
const backoff = 1_500

export const wrongClocks: Scenario = {
  name: 'the clocks of the processes are an hour off, one ahead and one behind',
  on: everywhere,
  async run(arena) {
    const relay = { pollInterval: 100, retry: { minTimeout: backoff, randomize: false } }
    const work = Array.from({ length: 20 }, (_, n) => workOf(`m${n}`, { fails: n % 4 === 0 ? 1 : 0 }))
    // Longer than the lease: it is renewed, and nobody else takes over.
    const long = workOf('long', { takes: arena.lease * 2, key: 'k' })
    const behind = workOf('behind', { key: 'k' })
    const ahead = await arena.start({ relay, clockOff: hour })
    const late = await arena.start({ relay, clockOff: -hour })
    await arena.start({ produce: [transactionOf('t1', [long, ...work, behind])], clockOff: hour })
    await arena.drained()
    const calm = arena.ledger.read()
    for (const failed of calm) {
      if (failed.what !== 'failed') continue
      const next = calm.find(
        (each) => each.what === 'started' && each.message === failed.message && each.at > failed.at,
      )
      const pause = (next?.at ?? 0) - failed.at
      assert.ok(pause >= backoff - 50, `${failed.message} was tried again after ${pause} ms`)
    }
    // The lease of a dead one ends by the clock of the database, for whoever looks.
    await ahead.suspend()
    await arena.start({ produce: [transactionOf('t2', [workOf('last')])] })
    await arena.drained()
    ahead.resume()
    assert.equal(late.isOver, false)
    return await arena.verdict()
  },
}
