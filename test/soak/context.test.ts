import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { goesOn } from '../support/watchdog.js'

for (const carrier of ['AsyncLocalStorage', 'cls-hooked']) {
  test(`the heap stays flat over 1 500 transactions on ${carrier}`, async () => {
    const script = fileURLToPath(new URL('context.ts', import.meta.url))
    const args = ['--expose-gc', ...process.execArgv, script, '--transactions', '1500', '--carrier', carrier]
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined }
    const ended = promisify(execFile)(process.execPath, args, { env })
    ended.child.stdout?.on('data', goesOn)
    const { stdout } = await ended
    assert.match(stdout, /bytes a transaction, flat/)
  })
}
