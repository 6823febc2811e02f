import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { en } from '../../src/app/page/client/texts/en.js'
import { ko } from '../../src/app/page/client/texts/ko.js'
import { useCases } from '../../src/app/page/client/use-cases.js'

/** Every text by its place; a function is called with what could be said. */
function textsOf(value: unknown, place = ''): Map<string, string> {
  if (typeof value === 'string') return new Map([[place, value]])
  if (typeof value === 'function')
    return new Map([[place, String((value as (...args: unknown[]) => unknown)(3, 'B', 2))]])
  const inner = Object.entries(value as object).flatMap(([name, text]) => Array.from(textsOf(text, `${place}.${name}`)))
  return new Map(inner)
}

const english = textsOf(en)
const korean = textsOf(ko)
/** Names, units and statements that Korean developers write in Latin letters, too. */
const sameInBoth =
  /^\.(languageName|tasks\.send-sms|process\.(pid|kill)|partners\.(names\.sms|milliseconds|percent)|legend\.commit|steps\.rolledBack|steps\.task|guide\.step|summary\.task)$/

describe('the texts of the page', () => {
  it('exist in both languages', () => {
    assert.deepEqual([...korean.keys()], [...english.keys()])
    for (const [place, text] of [...english, ...korean]) assert.notEqual(text.trim(), '', place)
    assert.equal(en.chapters.length, 7)
  })

  it('are Korean in Korean, and not in English', () => {
    for (const [place, text] of korean) {
      if (!sameInBoth.test(place)) assert.match(text, /\p{Script=Hangul}/u, `${place}: ${text}`)
    }
    for (const [place, text] of english) assert.doesNotMatch(text, /\p{Script=Hangul}/u, place)
  })

  it('name each use case, and each state that a task can have', () => {
    const events = ['accepted', 'stored', 'started', 'retrying', 'succeeded', 'failed', 'rejected', 'dropped']
    const ends = ['interrupted', 'cancelled', 'discarded', 'unknown', 'abandoned', 'cut']
    for (const texts of [en, ko]) {
      for (const state of [...events, ...ends]) assert.ok(texts.states[state], state)
      for (const useCase of useCases) assert.ok(texts.useCases[useCase])
    }
  })
})
