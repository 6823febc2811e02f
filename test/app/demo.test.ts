import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { until } from '../support/wait.js'

const demo = fileURLToPath(new URL('../../src/app/demo.ts', import.meta.url))

describe('the demo', () => {
  let folder: string
  let child: ChildProcess
  let output: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'after-commit-demo-test-'))
  })
  afterEach(async () => {
    if (groupIsAlive()) process.kill(-(child.pid ?? 0), 'SIGKILL')
    await rm(folder, { recursive: true })
  })

  /** Starts the demo as the leader of a process group, so that what it starts can be seen. */
  const start = () => {
    output = ''
    child = spawn(process.execPath, [...process.execArgv, demo], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      // The demo is no test, so it does not get the variable that says so.
      env: { ...process.env, NODE_TEST_CONTEXT: undefined, DATABASE_URL: '', DEMO_REQUESTS: '40', TMPDIR: folder },
    })
    const read = (chunk: unknown) => (output += String(chunk))
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    return { exit: once(child, 'close') as Promise<[code: number | null, signal: NodeJS.Signals | null]> }
  }
  const said = (text: string) => until(() => output.includes(text), { timeout: 50_000 })
  const groupIsAlive = () => {
    try {
      return process.kill(-(child.pid ?? 0), 0)
    } catch {
      return false
    }
  }
  const leftFiles = async () => (await readdir(folder)).filter((name) => name.startsWith('after-commit'))

  it('prints one table, finds the promise kept, and leaves nothing behind', async () => {
    const { exit } = start()
    assert.deepEqual(await exit, [0, null], output)
    const numbersOf = (label: string) => {
      const line =
        output.split('\n').find((candidate) => candidate.startsWith(label)) ?? assert.fail(`no ${label}:\n${output}`)
      return line.slice(label.length).trim().split(/ {2,}/)
    }
    assert.deepEqual(numbersOf('requests'), ['40', '40'])
    assert.deepEqual(numbersOf('committed, but neither ran nor has a record').at(-1), '0')
    assert.deepEqual(numbersOf('ran, but nothing was committed').at(-1), '0')
    assert.match(output, /tasks that ran for a transaction that did not commit: 0\n/)
    assert.match(output, /tasks without a record: 0\n/)
    assert.deepEqual(await leftFiles(), [])
    await until(() => !groupIsAlive(), { timeout: 15_000 })
  })

  it('leaves nothing behind when it is interrupted', async () => {
    const { exit } = start()
    await said('points is down')
    assert.equal(child.kill('SIGINT'), true)
    assert.deepEqual(await exit, [130, null], output)
    assert.match(output, /Interrupted/)
    assert.doesNotMatch(output, /logs of the app/)
    assert.deepEqual(await leftFiles(), [])
    await until(() => !groupIsAlive(), { timeout: 15_000 })
  })

  it('takes its processes with it even when it is killed', async () => {
    const { exit } = start()
    await said('points is down')
    assert.equal(child.kill('SIGKILL'), true)
    await exit
    await until(() => !groupIsAlive(), { timeout: 15_000 })
  })
})
