import { setTimeout as delay } from 'node:timers/promises'
import { type PrismaClient, connect } from '../database.js'
import type { Partners } from '../partners/start.js'
import { type Cases, readBooks, storedIn } from './books.js'
import { clock } from './clock.js'
import type { Books, Happening, ProcessName, ProcessStep, Rung } from './events.js'
import type { Seen } from './seen.js'
import { ShopProcess } from './shop-process.js'

export interface WorldSettings {
  readonly rung: Rung
  readonly databaseUrl: string
  readonly partners: Partners
  readonly seen: Seen
  readonly env: NodeJS.ProcessEnv
  readonly logFile: string
}

/** Milliseconds between two looks into the tables. */
const pace = 300

/** One rung: its database, its processes, and the books about what they did. */
export class World implements Cases {
  readonly #settings: WorldSettings
  readonly #prisma: PrismaClient
  readonly #processes = new Map<ProcessName, ShopProcess>()
  readonly #requests = new Map<string, { readonly pid: number; over: boolean }>()
  readonly deaths: { readonly at: number; readonly stored: ReadonlySet<string> }[] = []
  #reading: Promise<void> | undefined
  #stale = false
  #closed = false
  readonly databaseUrl: string
  books: Books | undefined

  constructor(settings: WorldSettings) {
    this.#settings = settings
    this.databaseUrl = settings.databaseUrl
    this.#prisma = connect(settings.databaseUrl)
  }

  get steps(): ProcessStep[] {
    const { rung } = this.#settings
    return [...this.#processes].map(([name, { state, pid }]) => {
      return { kind: 'process', rung, process: name, pid, state, at: clock() }
    })
  }

  process(name: ProcessName): ShopProcess {
    let process = this.#processes.get(name)
    if (process === undefined) this.#processes.set(name, (process = this.#newProcess(name)))
    return process
  }

  /** A request is given to a process, which may die of it. */
  asked(requestId: string): string | undefined {
    const { pid, url } = this.process('A')
    if (url !== undefined) this.#requests.set(requestId, { pid, over: false })
    return url
  }

  over(requestId: string): void {
    const request = this.#requests.get(requestId)
    if (request) request.over = true
    this.#touch()
  }

  pidOf(requestId: string): number | undefined {
    return this.#requests.get(requestId)?.pid
  }

  isOver(requestId: string): boolean {
    const request = this.#requests.get(requestId)
    return request !== undefined && (request.over || !this.isAlive(request.pid))
  }

  isAlive(pid: number): boolean {
    return [...this.#processes.values()].some((process) => process.pid === pid && process.state === 'up')
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(Array.from(this.#processes.values(), (process) => process.close()))
    await this.#reading
    await this.#prisma.$disconnect()
  }

  #newProcess(name: ProcessName): ShopProcess {
    const { rung, seen, env, databaseUrl, logFile } = this.#settings
    return new ShopProcess({
      rung,
      name,
      env: { ...env, DATABASE_URL: databaseUrl },
      logFile,
      onHappening: (happening) => this.#heard(happening),
      onState: (state, pid) => seen.add({ kind: 'process', rung, process: name, pid, state }),
      onDeath: () => this.#onDeath(),
    })
  }

  #heard(happening: Happening): void {
    // Of what the shop is only asked to show, nobody wants to see more.
    if (happening.kind === 'request' && !this.#requests.has(happening.requestId)) return
    this.#settings.seen.add(happening)
    if (happening.kind === 'request' && happening.step === 'answered') this.over(happening.requestId)
    this.#touch()
  }

  /** Before another process can change it: what does the outbox hold? */
  async #onDeath(): Promise<void> {
    const at = Date.now()
    this.deaths.push({ at, stored: new Set((await storedIn(this.#prisma)).keys()) })
    // Partners go on with what they were told. Only then is it clear what is lost.
    const partners = Object.values(this.#settings.partners.each)
    void Promise.all(partners.map((partner) => partner.received())).then(() => this.#touch())
    this.#touch()
  }

  /** The books may have changed: they are read soon, and once more if something happens meanwhile. */
  #touch(): void {
    this.#stale = true
    this.#reading ??= this.#readWhileStale().finally(() => (this.#reading = undefined))
  }

  async #readWhileStale(): Promise<void> {
    while ((this.#stale || this.#isUnsettled) && !this.#closed) {
      await delay(pace)
      this.#stale = false
      await this.#read().catch((error: unknown) => {
        this.#stale = true // or the page would wait for what it cannot see
        console.error(error)
      })
    }
  }

  /** The row of what has ended is written after everybody has heard of the end, and nobody hears of the row. */
  get #isUnsettled(): boolean {
    return this.books !== undefined && this.books.inMemory + this.books.stored > 0
  }

  async #read(): Promise<void> {
    const { rung, partners, seen } = this.#settings
    const books = await readBooks(this.#prisma, partners, this)
    if (this.#closed || JSON.stringify(books) === JSON.stringify(this.books)) return
    this.books = books
    seen.add({ kind: 'books', rung, books })
  }
}
