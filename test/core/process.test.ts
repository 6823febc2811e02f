import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const child = fileURLToPath(new URL('process.child.ts', import.meta.url))
const flags = ['--unhandled-rejections=strict', '--conditions=source', '--import', 'tsx']

/** Standard output of a process that ends by itself; rejects when it does not, or fails. */
async function run(scenario: string): Promise<string> {
  const options = { timeout: 30_000, killSignal: 'SIGKILL' } as const
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [...flags, child, scenario], options)
  assert.equal(stderr, '')
  return stdout.trim()
}

describe('The process', { concurrency: 2 }, () => {
  for (const [scenario, output] of [
    ['an instance that was never used', ''],
    ['an idle pool', '0 timers, 100 succeeded'],
    ['a failure log that is down', 'will be tried again'],
    ['an abandoned attempt', 'failed'],
    ['a closed pool', '1 succeeded'],
  ] as const) {
    test(`${scenario} does not keep it alive`, async () => {
      assert.equal(await run(scenario), output)
    })
  }

  for (const [scenario, output] of [
    ['a task that is waiting, backing off or running', '3 succeeded'],
    ['a close() that waits for a task which never ends', '1 interrupted'],
    ['a close() that waits for a failure log which never answers', '1 failed'],
  ] as const) {
    test(`${scenario} keeps it alive`, async () => {
      assert.equal(await run(scenario), output)
    })
  }
})
