// One round: a database of its own, a ledger, processes, and a verdict at the end.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { migrationsOf } from '../../prisma/migrate.js'
import type { PrismaClient } from '../../prisma/client/sqlite/client.js'
import { prefix, type Database, type Server } from '../support/servers.js'
import { eventually } from './eventually.js'
import { judge, type Verdict } from './checker.js'
import { loadClient } from './clients.js'
import { type Entry, type Ledger, openLedger } from './ledger.js'
import { Member } from './member.js'
import type { Orders } from './orders.js'
import type { Round } from './round.js'
import { committedIn, createTables, effectsIn, type Left, leftIn } from './tables.js'

export interface ArenaSettings {
  readonly server: Server
  readonly seed: number
  /** Of the scenarios that last: as long as somebody wants. */
  readonly seconds: number
  /** @default a new one */
  readonly ledger?: Ledger
}

export type Asked = Partial<Omit<Orders, 'provider' | 'url' | 'ledger'>> & { readonly clockOff?: number }

export class Arena {
  readonly seed: number
  readonly seconds: number
  readonly server: Server
  readonly ledger: Ledger
  readonly members: Member[] = []
  /** Milliseconds. Longer than a busy machine holds up a process, shorter than anybody wants to wait. */
  lease = 3_000
  readonly #database: Database
  readonly #spares: Member[] = []
  readonly #clients: PrismaClient[] = []
  #keepsSpares = 0

  private constructor({ server, seed, seconds, ledger = newLedger() }: ArenaSettings, database: Database) {
    this.server = server
    this.seed = seed
    this.seconds = seconds
    this.#database = database
    this.ledger = ledger
  }

  static async open(settings: ArenaSettings): Promise<Arena> {
    const { server } = settings
    const database = await server.create(`${prefix}chaos_${Math.random().toString(36).slice(2)}`)
    for (const { migrationFile } of migrationsOf(server.provider).migrationDirectories) {
      if (migrationFile.content.tag === 'ok') await database.execute(migrationFile.content.value)
    }
    await createTables(database, server.provider)
    return new Arena(settings, database)
  }

  get db(): Pick<Database, 'query' | 'execute' | 'url'> {
    return this.#database
  }

  /** So many processes are loaded ahead, to take the place of those that are killed. */
  async keepSpares(count: number): Promise<void> {
    this.#keepsSpares = count
    this.#refill()
    await Promise.all(this.#spares.map((spare) => spare.loaded))
  }

  #refill(): void {
    while (this.#spares.length < this.#keepsSpares) this.#spares.push(new Member(this.server.provider, this.ledger))
  }

  async start({ clockOff = 0, ...asked }: Asked): Promise<Member> {
    const spare = clockOff === 0 ? this.#spares.shift() : undefined
    const member = spare ?? new Member(this.server.provider, this.ledger, clockOff)
    this.members.push(member)
    this.#refill()
    const { provider } = this.server
    await member.start({ provider, url: this.db.url, ledger: this.ledger.file, lease: this.lease, ...asked })
    return member
  }

  /** A client of this process. */
  async client(): Promise<PrismaClient> {
    const make = await loadClient(this.server.provider)
    const client = make(this.db.url, 5)
    this.#clients.push(client)
    return client
  }

  /** Waits for something in the ledger. */
  async entries(condition: (entries: readonly Entry[]) => boolean): Promise<void> {
    await eventually(() => condition(this.ledger.read()))
  }

  /** Waits for so many handlers that have done this, in one process or in all. */
  count(what: Entry['what'], times: number, pid?: number): Promise<void> {
    return this.entries(
      (entries) => entries.filter((entry) => entry.what === what && (pid ?? entry.pid) === entry.pid).length >= times,
    )
  }

  left(): Promise<Left[]> {
    return leftIn(this.#database)
  }

  /** Waits until every message is handled, or dead, or behind a dead one of its key. */
  async drained(): Promise<void> {
    const isOver = async (): Promise<boolean> => {
      const left = await this.left().catch(() => undefined)
      if (!left) return false
      const blocked = new Set(left.flatMap(({ status, key }) => (status === 'dead' && key !== null ? [key] : [])))
      return left.every(({ status, key }) => status === 'dead' || (key !== null && blocked.has(key)))
    }
    await eventually(isOver)
  }

  /** Ends the processes that are left in good order, and judges. Rejects where one has died by itself. */
  async verdict(): Promise<Verdict> {
    await Promise.all(this.members.filter(({ isOver }) => !isOver).map((member) => member.terminate()))
    const died = this.members.filter(({ isExpected }) => !isExpected)
    if (died.length > 0) throw new Error(`${died.length} processes have ended by themselves`)
    return judge(await this.round())
  }

  async round(): Promise<Round> {
    const committed = (await committedIn(this.#database)).flatMap(({ work }) => work)
    const effects = await effectsIn(this.#database)
    return { ledger: this.ledger.read(), committed, effects, left: await this.left(), lease: this.lease }
  }

  async close(): Promise<void> {
    for (const member of [...this.members, ...this.#spares]) if (!member.isOver) await member.kill()
    await Promise.allSettled(this.#clients.map((client) => client.$disconnect()))
    await this.#database.close()
  }
}

const newLedger = (): Ledger => openLedger(join(mkdtempSync(join(tmpdir(), 'after-commit-chaos-')), 'ledger.ndjson'))
