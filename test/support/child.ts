import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const flags = ['--unhandled-rejections=strict', '--conditions=source', '--import', 'tsx']

/** Standard output of a process that ends by itself; rejects when it does not, or fails. */
export async function outputOfChild(script: string, scenario: string): Promise<string> {
  const options = { timeout: 30_000, killSignal: 'SIGKILL' } as const
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [...flags, script, scenario], options)
  assert.equal(stderr, '')
  return stdout.trim()
}
