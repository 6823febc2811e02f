import { randomUUID } from 'node:crypto'
import { clock } from './clock.js'
import type { Happening } from './events.js'

type Listener = (happenings: readonly Happening[], last: number) => void
type Untimed<H> = H extends unknown ? Omit<H, 'at'> & { readonly at?: number } : never

/** Pages that come later see this many happenings. */
const kept = 20_000

/** What the page's server has seen, in the order in which it heard of it. It outlives the processes of the shop. */
export class Seen {
  /** Numbers of another server mean nothing here. */
  readonly boot = randomUUID()
  readonly #happenings: Happening[] = []
  #dropped = 0
  readonly #listeners = new Set<Listener>()
  #told = 0
  #telling = false

  /** Adds what happened now, or `at` its time. */
  add(happening: Untimed<Happening>): void {
    this.#happenings.push({ at: clock(), ...happening })
    if (this.#telling) return
    this.#telling = true
    setImmediate(() => this.#tell())
  }

  /** Everything after that number, and then what comes: in batches, one per turn of the event loop. */
  listen(after: number, listener: Listener): () => void {
    this.#tell()
    const happenings = this.#happenings.slice(Math.max(0, after - this.#dropped))
    if (happenings.length > 0) listener(happenings, this.#count)
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  get #count(): number {
    return this.#dropped + this.#happenings.length
  }

  #tell(): void {
    this.#telling = false
    const news = this.#happenings.slice(this.#told - this.#dropped)
    this.#told = this.#count
    if (news.length > 0) for (const listener of this.#listeners) listener(news, this.#told)
    const excess = this.#happenings.length - kept
    if (excess > 0) this.#dropped += this.#happenings.splice(0, excess).length
  }
}
