import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { outputOfChild } from '../support/child.js'

const child = fileURLToPath(new URL('rule-23.child.ts', import.meta.url))

describe('Rule 23: an idle pool does not keep the process alive, and holds no timer', { concurrency: 2 }, () => {
  for (const [scenario, output] of [
    ['an instance that was never used', ''],
    ['an idle pool', '0 timers, 100 succeeded'],
    ['a failure log that is down', 'will be tried again'],
    ['an abandoned attempt', 'failed'],
    ['a closed pool', '1 succeeded'],
  ] as const) {
    test(`${scenario} does not keep it alive`, async () => {
      assert.equal(await outputOfChild(child, scenario), output)
    })
  }

  for (const [scenario, output] of [
    ['a task that is waiting, backing off or running', '3 succeeded'],
    ['a close() that waits for a task which never ends', '1 interrupted'],
    ['a close() that waits for a failure log which never answers', '1 failed'],
  ] as const) {
    test(`${scenario} keeps it alive`, async () => {
      assert.equal(await outputOfChild(child, scenario), output)
    })
  }
})
