// What the server says, and whether it says anything.
import type { BooksRead, Happening, Hello, PartnerKnobs, PartnerOfShop, ProcessStep, Rung } from '../events.js'
import { Model } from './model.js'

export type Connection = 'connecting' | 'live' | 'gone' | 'back' | 'fresh'

/** The page's knowledge of the server. Whoever draws listens to `onChange`. */
export class Live {
  readonly model = new Model()
  readonly #listeners = new Set<() => void>()
  connection: Connection = 'connecting'
  hello: Hello | undefined
  partners: Partial<Record<PartnerOfShop, PartnerKnobs>> = {}
  processes = new Map<string, ProcessStep>()
  books: Partial<Record<Rung, BooksRead['books']>> = {}
  /** The server's clock minus ours. */
  #drift = 0

  connect(): void {
    const source = new EventSource('/page/events')
    source.addEventListener('hello', ({ data }: MessageEvent<string>) => this.#greet(JSON.parse(data) as Hello))
    source.addEventListener('message', ({ data }: MessageEvent<string>) => {
      for (const happening of JSON.parse(data) as Happening[]) this.#take(happening)
      this.changed()
    })
    source.addEventListener('error', () => {
      // A browser gives up where the answer is no stream: something else listens there now, perhaps not for long.
      if (source.readyState === EventSource.CLOSED) setTimeout(() => this.connect(), 1_000)
      if (this.connection !== 'connecting') this.#is('gone')
    })
  }

  /** Milliseconds by the server's clock. */
  get now(): number {
    return performance.timeOrigin + performance.now() + this.#drift
  }

  get isLive(): boolean {
    return this.hello !== undefined && this.connection !== 'gone' && this.connection !== 'connecting'
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  changed(): void {
    for (const listener of this.#listeners) listener()
  }

  /** Resolves when it is true; rejects when the server is gone, or after that many milliseconds. */
  until(condition: () => boolean, patience = 60_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        stop()
        clearTimeout(timer)
        settle()
      }
      const look = (): void => {
        if (condition()) end(resolve)
        else if (this.connection === 'gone') end(() => reject(new Error(this.connection)))
      }
      const stop = this.onChange(look)
      const timer = setTimeout(() => end(() => reject(new Error(`${patience} ms`))), patience)
      look()
    })
  }

  process(rung: Rung, name: string): ProcessStep | undefined {
    return this.processes.get(`${rung} ${name}`)
  }

  #greet(hello: Hello): void {
    const known = this.hello?.boot
    if (known !== undefined && known !== hello.boot) {
      this.model.clear()
      this.#is('fresh')
    } else this.#is(this.connection === 'gone' ? 'back' : 'live')
    this.hello = hello
    this.#drift = hello.now - (performance.timeOrigin + performance.now())
    this.partners = hello.partners
    this.books = hello.books
    this.processes = new Map(hello.processes.map((step) => [`${step.rung} ${step.process}`, step]))
    this.changed()
  }

  #take(happening: Happening): void {
    this.model.add(happening)
    if (happening.kind === 'partner') this.partners = { ...this.partners, [happening.name]: happening.settings }
    if (happening.kind === 'books') this.books = { ...this.books, [happening.rung]: happening.books }
    if (happening.kind === 'process') this.processes.set(`${happening.rung} ${happening.process}`, happening)
  }

  #is(connection: Connection): void {
    this.connection = connection
    this.changed()
  }
}
