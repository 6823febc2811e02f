// Every rule of the contract has its test, and the README says which.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisesIn, promisesOf, rules, tableOf, withTable } from './support/promises.js'

const root = fileURLToPath(new URL('..', import.meta.url))

test('every rule has a test whose title begins with it', () => {
  const shown = new Set(promisesOf(root).flatMap((promise) => promise.rules))
  const missing = Array.from({ length: rules }, (_, index) => index + 1).filter((rule) => !shown.has(rule))
  assert.deepEqual(missing, [], 'rules without a test')
})

test('the table of promises of the README is that of the tests', async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const written = withTable(readme, 'promises', await tableOf(promisesOf(root), root))
  assert.equal(readme, written, 'The titles of the tests have changed: npm run promises')
})

const found = (source: string) => promisesIn(source, 'file').map(({ rules: numbers, sentence }) => [numbers, sentence])

describe('a promise', () => {
  test('is the title of a describe that begins with a rule, or with several', () => {
    assert.deepEqual(found(`describe('Rule 7: it’s so', () => {\n  test('Rule 8: is none', () => {})\n})`), [
      [[7], 'it’s so'],
    ])
    assert.deepEqual(found('describe(\n  `Rules 1, 2 and 19 hold \\`here\\``,'), [
      [[1, 2, 19], 'Rules 1, 2 and 19 hold `here`'],
    ])
    assert.deepEqual(found(`describe('Rules of thumb', () => {})`), [])
  })

  test('needs a place in the README', () => {
    assert.throws(() => withTable('# Title', 'promises', ''), /README\.md has no <!-- promises/)
    assert.equal(
      withTable('<!-- promises: a -->\nold\n<!-- /promises -->', 'promises', '| $& |\n'),
      '<!-- promises: a -->\n\n| $& |\n\n<!-- /promises -->',
    )
  })
})
