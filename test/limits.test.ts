// The README's table of limits is that of a real run, and has the limits that there are.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { limits } from '../src/app/lab/all.js'
import { renderTable } from '../src/app/lab/table.js'
import { limitsTable, storedRun } from './support/limits.js'
import { withTable } from './support/promises.js'

const again = 'npm run -s limits -- --json > src/app/lab/limits.json && npm run limits:table'

test('the table of limits of the README is that of the stored run', async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  assert.equal(readme, withTable(readme, 'limits', await limitsTable(storedRun())), `The run has changed: ${again}`)
})

test('the stored run has every limit of the lab, with its words', () => {
  const words = storedRun().limits.map((shown) => {
    const { happens, answer } = limits.find(({ name }) => name === shown.name)?.tell(shown.numbers) ?? {}
    return { name: shown.name, title: shown.title, rung: shown.rung, happens, answer }
  })
  const stored = storedRun().limits.map(({ name, title, rung, happens, answer }) => {
    return { name, title, rung, happens, answer }
  })
  assert.deepEqual(stored, words, `The lab says it differently now: ${again}`)
  assert.deepEqual(
    stored.map(({ name, title, rung }) => ({ name, title, rung })),
    limits.map(({ name, title, rung }) => ({ name, title, rung })),
    `The limits have changed: ${again}`,
  )
})

for (const columns of [72, 100, 200]) {
  test(`the table fits a terminal of ${columns} columns`, () => {
    const lines = renderTable(storedRun().limits, columns).split('\n')
    assert.ok(Math.max(...lines.map((line) => line.length)) <= Math.min(columns, 100))
  })
}
