import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { outputOfChild } from '../support/child.js'

const child = fileURLToPath(new URL('process.child.ts', import.meta.url))

describe('Rule 23: threads that have nothing to do do not keep the process alive', { concurrency: 2 }, () => {
  for (const [scenario, output] of [
    ['threads that were never used', 'piscina is not loaded'],
    ['threads that have nothing to do', '10 succeeded, piscina is loaded'],
    ['a thread that was ended', 'failed'],
    ['a closed instance', '1 interrupted'],
  ] as const) {
    test(`${scenario}: the process ends`, async () => {
      assert.equal(await outputOfChild(child, scenario), output)
    })
  }

  test('a task that runs in one: the process waits for it', async () => {
    assert.equal(await outputOfChild(child, 'a task that runs in one'), '1 succeeded')
  })
})
