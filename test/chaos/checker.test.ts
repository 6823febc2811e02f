import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { faultsOf, judge, type Verdict } from './checker.js'
import type { Entry } from './ledger.js'
import type { Round } from './round.js'

/** A line for each entry: process, what, message. Each takes a second. */
function ledgerOf(text: string): Entry[] {
  const lines = text.trim().split('\n')
  return lines.map((line, index) => {
    const [pid, what, message = '', more] = line.trim().split(/ +/)
    const own = what === 'stood' ? { what: 'stood still', milliseconds: Number(message) } : { what, effect: true }
    const about = { message, messageId: more ?? `id of ${message}`, attempt: 1, pid: Number(pid), at: index * 1_000 }
    return Object.assign(about, own) as unknown as Entry
  })
}

function round(text: string, more: Partial<Round> = {}): Round {
  const committed = ['a', 'b', 'c'].map((name) => ({ name, key: '' }))
  return { ledger: ledgerOf(text), committed, effects: ['a', 'b', 'c'], left: [], lease: 1_000, ...more }
}

const sound = `
  1 started a
  1 ended a
  1 written a
  1 started b
  2 started c
  2 ended c
  1 ended b
  1 written b
  2 written c`

const keyed = ['a', 'b', 'c'].map((name) => ({ name, key: 'k' }))
const faultsIn = (text: string, more?: Partial<Round>): string[] => faultsOf(judge(round(text, more)))

describe('the checker of the chaos suite', () => {
  test('finds nothing in a round in which nothing is wrong', () => {
    const verdict: Verdict = judge(round(sound))
    assert.deepEqual(faultsOf(verdict), [])
    assert.deepEqual([verdict.committed, verdict.duplicates, verdict.inFlight], [3, 0, 0])
  })

  test('finds a message that is lost: committed, without an effect, and in no row', () => {
    assert.deepEqual(faultsIn(sound, { effects: ['a', 'c'] }), ['lost: b'])
    assert.deepEqual(faultsIn(sound, { effects: ['a', 'c'], left: [{ name: 'b', status: 'dead' }] }), [])
  })

  test('finds a second effect', () => {
    assert.deepEqual(faultsIn(sound, { effects: ['a', 'b', 'c', 'a'] }), ['more than one effect: a'])
  })

  test('finds a message that no transaction has committed, with an effect or without', () => {
    assert.deepEqual(faultsIn(sound, { effects: ['a', 'b', 'c', 'd'] }), ['delivered without a commit: d'])
    assert.deepEqual(faultsIn(`${sound}\n 1 started d`), ['delivered without a commit: d'])
  })

  test('allows a duplicate of what its process had when it was killed, stopped, cut off or stood still', () => {
    for (const what of ['kill', 'stop', 'cut']) {
      const [first, last] = what === 'kill' ? ['kill', 'killed'] : [what, 'continue']
      const text = `1 started a\n 1 ${first}\n 1 ${last}\n 2 started a\n 2 ended a\n 2 written a`
      const verdict = judge(round(text))
      assert.deepEqual([verdict.duplicates, verdict.inFlight, faultsOf(verdict)], [1, 1, []], what)
    }
    assert.deepEqual(faultsIn('1 started a\n 2 started a\n 1 stood 2500'), [])
    assert.deepEqual(faultsIn('1 started a\n 2 started a\n 1 stood 400').length, 1)
  })

  test('finds more duplicates than were in flight', () => {
    const twice = `1 started a\n 1 ended a\n 1 kill\n 1 killed\n 2 started a\n 2 ended a`
    assert.deepEqual(faultsIn(twice), [])
    assert.deepEqual(faultsIn(`${twice}\n 3 started a`), [
      'a duplicate of what was not in flight: a, attempt 1 of process 3: nothing has happened to process 2, which had it',
      '2 duplicates, but 1 in flight',
    ])
  })

  test('finds a duplicate of what was known to be written before its process was killed', () => {
    const found = faultsIn('1 started a\n 1 ended a\n 1 written a\n 1 kill\n 1 killed\n 2 started a')
    assert.match(found[0] ?? '', /its completion was written before/)
  })

  test('does not take the attempt after a failed one for a duplicate', () => {
    const verdict = judge(round('1 started a\n 1 failed a\n 2 started a\n 2 ended a'))
    assert.deepEqual([verdict.duplicates, faultsOf(verdict)], [0, []])
  })

  test('finds a message that comes again under another id', () => {
    assert.match(faultsIn('1 started a x\n 1 failed a x\n 2 started a y')[0] ?? '', /its id was x and is y/)
  })

  test('finds an order of a key that is broken by the handlers', () => {
    const late = '1 started b\n 1 ended b\n 1 written b\n 1 started a\n 1 ended a\n 1 written a'
    assert.deepEqual(faultsIn(late, { committed: keyed }), [
      'order of a key: b started before a had succeeded',
      'order of a key: a started when b had',
    ])
    assert.deepEqual(faultsIn(late), [])
  })

  test('finds an order of a key that is broken by the effects alone', () => {
    const orderly = ['a', 'b', 'c'].map((name) => `1 started ${name}\n 1 ended ${name}\n 1 written ${name}`).join('\n')
    assert.deepEqual(faultsIn(orderly, { committed: keyed }), [])
    assert.deepEqual(faultsIn(orderly, { committed: keyed, effects: ['b', 'a', 'c'] }), [
      'order of a key: the effect of a came after that of b',
    ])
  })

  test('finds two of a key that run at once, unless one of them has lost its lease', () => {
    assert.deepEqual(faultsIn('1 started a\n 2 started b', { committed: keyed }), [
      'order of a key: b started while a was running',
      'order of a key: b started before a had succeeded',
    ])
    const takenOver =
      '1 started a\n 1 stop\n 2 started a\n 2 ended a\n 2 written a\n 2 started b\n 1 continue\n 1 ended a'
    assert.deepEqual(faultsIn(takenOver, { committed: keyed }), [])
  })

  test('finds one that goes on behind a failed one of its key', () => {
    assert.deepEqual(faultsIn('1 started a\n 1 failed a\n 1 started b', { committed: keyed }), [
      'order of a key: b started before a had succeeded',
    ])
  })
})
