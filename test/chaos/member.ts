// A process of a round, as whoever directs it sees it.
import { type ChildProcess, fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Provider } from '../../prisma/providers.js'
import { eventually, patience } from './eventually.js'
import type { Ledger } from './ledger.js'
import type { Orders, Said, Told } from './orders.js'

const script = fileURLToPath(new URL('member.child.ts', import.meta.url))
const clock = new URL('clock.ts', import.meta.url).href

export interface End {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export class Member {
  readonly ended: Promise<End>
  readonly loaded: Promise<unknown>
  /** Whether it was this suite that ended it. */
  isExpected = false
  readonly #child: ChildProcess
  readonly #ledger: Ledger
  readonly #heard: Said[] = []

  /** @param clock Milliseconds that its clock is off. */
  constructor(provider: Provider, ledger: Ledger, clockOff = 0) {
    const shifted = clockOff === 0 ? [] : ['--import', clock]
    this.#child = fork(script, [provider], {
      execArgv: ['--conditions=source', '--import', 'tsx', ...shifted],
      env: { ...process.env, CHAOS_CLOCK: String(clockOff) },
    })
    this.#ledger = ledger
    this.#child.on('message', (message: Said) => void this.#heard.push(message))
    this.ended = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => resolve({ code, signal }))
    })
    this.loaded = this.said('loaded')
    this.loaded.catch(() => undefined) // a spare one that is not needed any more
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get isOver(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** Waits until it says so; rejects when it ends before. */
  async said<W extends Said['said']>(word: W): Promise<Extract<Said, { said: W }>> {
    const hear = (): Said | undefined => this.#heard.find(({ said }) => said === word)
    await eventually(() => this.isOver || hear())
    const heard = hear()
    if (!heard) throw new Error(`Process ${this.pid} has ended without saying ${word}`)
    this.#heard.splice(this.#heard.indexOf(heard), 1)
    return heard as Extract<Said, { said: W }>
  }

  async start(orders: Orders): Promise<void> {
    await this.loaded
    this.#child.send(orders)
    await this.said('ready')
  }

  tell(what: Told): void {
    this.#child.send(what)
  }

  async stats(): Promise<Extract<Said, { said: 'stats' }>['stats']> {
    this.tell('stats')
    return (await this.said('stats')).stats
  }

  async kill(): Promise<void> {
    this.isExpected = true
    this.#ledger.write({ what: 'kill' }, this.pid)
    this.#child.kill('SIGKILL')
    await this.ended
    this.#ledger.write({ what: 'killed' }, this.pid)
  }

  async suspend(): Promise<void> {
    this.#child.kill('SIGSTOP')
    await eventually(() => / T /.test(readFileSync(`/proc/${this.pid}/stat`, 'utf8')))
    this.#ledger.write({ what: 'stop' }, this.pid)
  }

  resume(): void {
    this.#ledger.write({ what: 'continue' }, this.pid)
    this.#child.kill('SIGCONT')
  }

  /** SIGTERM. @returns Milliseconds until it had ended by itself; rejects where it did not. */
  async terminate(): Promise<number> {
    this.isExpected = true
    const at = performance.now()
    this.#child.kill('SIGTERM')
    const { code, signal } = await this.#inTime(this.ended)
    if (code !== 0) throw new Error(`Process ${this.pid} has ended with ${signal ?? code} after SIGTERM`)
    return performance.now() - at
  }

  async #inTime(end: Promise<End>): Promise<End> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`Process ${this.pid} does not end after SIGTERM`)), patience)
    })
    return await Promise.race([end, late]).finally(() => clearTimeout(timer))
  }
}
