import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePort } from '../support/free-port.js'
import { until } from '../support/wait.js'

/** A command that has been started, and what it has printed so far: all of it, or one of the two. */
export interface Started {
  readonly child: ChildProcess
  readonly exit: Promise<[code: number | null, signal: NodeJS.Signals | null]>
  readonly output: (stream?: 'stdout' | 'stderr') => string
  readonly said: (text: string) => Promise<unknown>
}

/** Starts a command of the app in each test, with a temporary folder of its own, and ends whatever of it is left. */
export function commands(module: URL, prefix: string) {
  let folder: string
  let child: ChildProcess | undefined

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'after-commit-command-test-'))
  })
  afterEach(async () => {
    if (groupIsAlive()) process.kill(-(child?.pid ?? 0), 'SIGKILL')
    child = undefined
    await rm(folder, { recursive: true })
  })
  const groupIsAlive = (): boolean => {
    if (child === undefined) return false
    try {
      return process.kill(-(child.pid ?? 0), 0)
    } catch {
      return false
    }
  }

  return {
    /** As the leader of a process group, so that what it starts can be seen. */
    start({ args = [], env = {} }: { args?: readonly string[]; env?: NodeJS.ProcessEnv } = {}): Started {
      const printed = { stdout: '', stderr: '' }
      let all = ''
      const started = spawn(process.execPath, [...process.execArgv, fileURLToPath(module), ...args], {
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
        // The command is no test, so it does not get the variable that says so.
        env: { ...process.env, NODE_TEST_CONTEXT: undefined, DATABASE_URL: '', TMPDIR: folder, ...env },
      })
      child = started
      for (const name of ['stdout', 'stderr'] as const) {
        started[name].on('data', (chunk: unknown) => {
          printed[name] += String(chunk)
          all += String(chunk)
        })
      }
      return {
        child: started,
        exit: once(started, 'close') as Started['exit'],
        output: (stream) => (stream ? printed[stream] : all),
        said: (text) => until(() => all.includes(text)),
      }
    },
    /** What it has started has ended, or does so in a while. */
    hasEnded: () => until(() => !groupIsAlive()),
    /** No file, and in a while no process. */
    async hasLeftNothing(): Promise<void> {
      assert.deepEqual(
        (await readdir(folder)).filter((name) => name.startsWith(prefix)),
        [],
      )
      await this.hasEnded()
    },
  }
}

/** A database at a port where nobody answers. */
export async function urlOfNobody(): Promise<URL> {
  return new URL(`postgresql://ada:secret@127.0.0.1:${await freePort()}/shop`)
}
