import { type Child, startChild } from '../demo/child.js'
import type { Happening, ProcessName, ProcessState, Rung } from './events.js'

export interface ShopProcessSettings {
  readonly rung: Rung
  readonly name: ProcessName
  readonly env: NodeJS.ProcessEnv
  readonly logFile: string
  readonly onHappening: (happening: Happening) => void
  readonly onState: (state: ProcessState, pid: number) => void
  /** It is dead, and another one has not been started yet. */
  readonly onDeath: (pid: number) => Promise<void>
}

/**
 * One process of the shop, started again when it dies, however it dies: by the page's button or by a `kill -9` in a
 * terminal.
 *
 *   off ──start()──▶ starting ──ready──▶ up ──SIGKILL, crash──▶ killed ──▶ starting
 *                        └── died before it was ready ──▶ broken
 */
export class ShopProcess {
  readonly #settings: ShopProcessSettings
  #child: Child | undefined
  #starting: Promise<void> | undefined
  #closing = false
  state: ProcessState = 'off'
  pid = 0
  /** Where it listens, while it does. */
  url: string | undefined

  constructor(settings: ShopProcessSettings) {
    this.#settings = settings
  }

  /** Resolves when it is ready. */
  start(): Promise<void> {
    return (this.#starting ??= this.#start())
  }

  /** SIGKILL, then a new one. Resolves when that is ready. */
  async kill(): Promise<void> {
    await this.#starting
    const child = this.#child
    if (child === undefined) return
    await child.kill()
    await this.#died(child)
  }

  /** For good. */
  async close(): Promise<void> {
    this.#closing = true
    await this.#starting?.catch(() => undefined)
    await this.#child?.kill()
    this.#is('off')
  }

  async #start(): Promise<void> {
    const { rung, name, env, logFile, onHappening } = this.#settings
    this.#is('starting')
    try {
      const child = await startChild('../page/shop.ts', {
        name: `shop ${name}, ${rung}`,
        lines: 1,
        // In a test it is no test.
        env: { ...env, NODE_TEST_CONTEXT: undefined, PARTNERS: rung, SHOP_PROCESS: name, HOST: '127.0.0.1', PORT: '0' },
        logFile,
        onMessage: (message) => onHappening(message as Happening),
      })
      this.#child = child
      this.pid = child.pid
      this.url = child.lines[0]?.split(' ').at(-1)
      child.died.catch(() => void this.#died(child).catch(console.error))
      this.#is('up')
    } catch (error) {
      this.#starting = undefined
      this.#is('broken')
      throw error
    }
  }

  /** Once for each child, whoever notices first. */
  async #died(child: Child): Promise<void> {
    if (this.#child !== child) return await this.#starting
    this.#child = this.url = this.#starting = undefined
    if (this.#closing) return
    this.#is('killed')
    this.#starting = this.#settings.onDeath(this.pid).then(() => this.#start())
    await this.#starting
  }

  #is(state: ProcessState): void {
    this.state = state
    this.#settings.onState(state, this.pid)
  }
}
