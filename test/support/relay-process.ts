// Relays in processes of their own.
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { TestDatabase } from './databases.js'

export interface RelayProcess {
  readonly child: ChildProcess
  /** What its handlers have written. */
  readonly lines: string[]
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
}

const script = fileURLToPath(new URL('./relay.child.ts', import.meta.url))

/** Killed when the test ends, if it still runs. */
export function startRelayProcess(t: TestContext, db: TestDatabase, lease: number): RelayProcess {
  const args = ['--conditions=source', '--import', 'tsx', script, db.provider, db.url, String(lease)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => void lines.push(line))
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
  t.after(() => child.kill('SIGKILL'))
  return { child, lines, exited }
}

/** One after the other, each started when the one before has died, until the condition holds. Answers all that they wrote. */
export async function relayProcessesUntil(
  t: TestContext,
  db: TestDatabase,
  condition: () => Promise<boolean>,
  lease = 1_000,
): Promise<string[]> {
  const lines: string[] = []
  const deadline = performance.now() + 60_000
  for (let one = startRelayProcess(t, db, lease); ; one = startRelayProcess(t, db, lease)) {
    const { child } = one
    while (
      child.exitCode === null &&
      child.signalCode === null &&
      performance.now() < deadline &&
      !(await condition())
    ) {
      await Promise.race([one.exited, new Promise((resolve) => setTimeout(resolve, 20))])
    }
    const over = await condition()
    if (over || performance.now() > deadline) one.child.kill('SIGTERM')
    await one.exited
    lines.push(...one.lines)
    if (over) return lines
    if (performance.now() > deadline) throw new Error(`Not over after a minute:\n${lines.join('\n')}`)
  }
}
