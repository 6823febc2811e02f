import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Ledger, checkLedger } from '../../src/app/demo/ledger.js'
import { judge } from '../../src/app/demo/verdict.js'

const points = (requestId: string) => ({ requestId, partner: 'points' as const })
const push = (requestId: string) => ({ requestId, partner: 'push' as const })

const honest: Ledger = {
  committed: [points('a'), push('b'), points('c')],
  delivered: [points('a'), push('b')],
  recorded: [{ ...points('c'), status: 'failed' }],
}
const violationsOf = (change: Partial<Ledger>) => checkLedger({ ...honest, ...change })

describe('the check of the demo', () => {
  it('finds nothing where every committed transaction was delivered or recorded', () => {
    assert.deepEqual(checkLedger(honest), { ranWithoutCommit: [], withoutRecord: [] })
    assert.equal(judge(honest).kept, true)
    assert.match(judge(honest).text, /did not commit: 0\n.*without a record: 0$/)
  })

  it('finds a delivery for a transaction that did not commit', () => {
    const doctored = { ...honest, delivered: [...honest.delivered, points('rolled-back')] }
    assert.deepEqual(checkLedger(doctored), { ranWithoutCommit: [points('rolled-back')], withoutRecord: [] })
    assert.equal(judge(doctored).kept, false)
    assert.match(judge(doctored).text, /did not commit: 1\n.*points, request rolled-back\n.*without a record: 0$/)
  })

  it('finds a failure row for a transaction that did not commit', () => {
    const row = { ...push('rolled-back'), status: 'failed' }
    assert.deepEqual(violationsOf({ recorded: [...honest.recorded, row] }).ranWithoutCommit, [row])
  })

  it('finds a committed transaction whose task has vanished', () => {
    const doctored = { ...honest, recorded: [] }
    assert.deepEqual(checkLedger(doctored), { ranWithoutCommit: [], withoutRecord: [points('c')] })
    assert.equal(judge(doctored).kept, false)
    assert.match(judge(doctored).text, /did not commit: 0\n.*without a record: 1\n.*points, request c$/)
  })

  it('finds a delivery to the wrong partner', () => {
    const violations = violationsOf({ delivered: [points('a'), points('b')] })
    assert.deepEqual(violations, { ranWithoutCommit: [points('b')], withoutRecord: [push('b')] })
  })

  it('does not hold for an empty ledger, which proves nothing', () => {
    const empty: Ledger = { committed: [], delivered: [], recorded: [] }
    assert.equal(judge(empty).kept, false)
  })
})
