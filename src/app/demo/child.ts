import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { openSync, closeSync } from 'node:fs'
import { createInterface } from 'node:readline'

/** A process that the demo has started. */
export interface Child {
  /** The lines that it printed first, as many as were asked for: it is ready. */
  readonly lines: readonly string[]
  readonly pid: number
  /** Rejects when it ends without having been asked to. Never resolves. */
  readonly died: Promise<never>
  /** Asks it to end, and resolves when it has ended well. */
  stop(): Promise<void>
  /** Ends it at once. */
  kill(): Promise<void>
}

/** Starts a module of the app in a process of its own, and waits until it has printed a number of lines. */
export async function startChild(
  module: string,
  options: {
    name: string
    lines: number
    env: NodeJS.ProcessEnv
    logFile: string
    /** What it sends with `process.send`. */
    onMessage?: (message: unknown) => void
  },
): Promise<Child> {
  const { name, logFile } = options
  const log = openSync(logFile, 'a')
  const child = fork(new URL(module, import.meta.url), {
    env: { ...process.env, ...options.env },
    execArgv: [...process.execArgv, '--import', new URL('./with-parent.ts', import.meta.url).href],
    stdio: ['ignore', 'pipe', log, 'ipc'],
  })
  closeSync(log)
  if (options.onMessage) child.on('message', options.onMessage)

  let stopping = false
  const ended = once(child, 'exit') as Promise<[code: number | null, signal: NodeJS.Signals | null]>
  const died = ended.then(([code, signal]): Promise<never> => {
    if (stopping) return new Promise(() => {})
    throw new Error(`The ${name} has ended by itself (${signal ?? `exit code ${code}`}). Its log: ${logFile}`)
  })
  died.catch(() => {}) // whoever waits for something races against it

  const kill = async (): Promise<void> => {
    stopping = true
    if (!hasEnded(child)) child.kill('SIGKILL')
    await ended
    // What it had sent before comes first.
    if (child.connected) await once(child, 'disconnect')
  }
  try {
    return {
      lines: (await firstLines(child, options.lines)) ?? (await died),
      pid: child.pid ?? 0,
      died,
      kill,
      async stop() {
        stopping = true
        child.kill('SIGTERM')
        const [code, signal] = await ended
        if (code !== 0)
          throw new Error(`The ${name} did not end well (${signal ?? `exit code ${code}`}). Its log: ${logFile}`)
      },
    }
  } catch (error) {
    await kill()
    throw error
  }
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

/** `undefined` where the output ends before. */
async function firstLines(child: ChildProcess, count: number): Promise<string[] | undefined> {
  const lines: string[] = []
  if (child.stdout === null) throw new Error('Expected the output to be a pipe')
  const reader = createInterface({ input: child.stdout })
  for await (const line of reader) {
    lines.push(line)
    if (lines.length === count) {
      // Whatever comes later must not fill the pipe.
      child.stdout.resume()
      return lines
    }
  }
  return undefined
}
