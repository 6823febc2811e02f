import { join } from 'node:path'
import type { Partners } from '../partners/start.js'
import { clock } from './clock.js'
import type { Databases } from './databases.js'
import {
  type Books,
  type Hello,
  type PartnerKnobs,
  type PartnerOfShop,
  type Rung,
  partners as names,
} from './events.js'
import { Seen } from './seen.js'
import { World } from './world.js'

/** The three rungs. The process of one starts when somebody wants it first. */
export class Worlds {
  readonly seen = new Seen()
  readonly partners: Partners
  readonly #databases: Databases
  readonly #folder: string
  readonly #opening = new Map<Rung, Promise<World>>()
  readonly #open = new Map<Rung, World>()

  constructor(partners: Partners, databases: Databases, folder: string) {
    this.partners = partners
    this.#databases = databases
    this.#folder = folder
  }

  /** Resolves when its database is there and its first process has been told to start. */
  of(rung: Rung): Promise<World> {
    let opening = this.#opening.get(rung)
    if (opening === undefined) {
      opening = this.#start(rung)
      this.#opening.set(rung, opening)
      // Whoever wants it next tries again.
      opening.catch(() => this.#opening.delete(rung))
    }
    return opening
  }

  hello(): Hello {
    const { goods } = this.#databases
    const knobs = names.map((name): [PartnerOfShop, PartnerKnobs] => [name, { ...this.partners.each[name].settings }])
    const books = [...this.#open].flatMap(([rung, world]): [Rung, Books][] =>
      world.books ? [[rung, world.books]] : [],
    )
    return {
      boot: this.seen.boot,
      now: clock(),
      goods,
      partners: Object.fromEntries(knobs) as Hello['partners'],
      processes: [...this.#open.values()].flatMap((world) => world.steps),
      books: Object.fromEntries(books),
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#opening.values())
    await Promise.all(Array.from(this.#open.values(), (world) => world.close()))
  }

  async #start(rung: Rung): Promise<World> {
    const { push, points, search, sms } = this.partners.each
    const world = new World({
      rung,
      databaseUrl: await this.#databases.urlOf(rung),
      partners: this.partners,
      seen: this.seen,
      logFile: join(this.#folder, `${rung}.log`),
      env: {
        LOG_FILE: join(this.#folder, `${rung}.log`),
        PUSH_URL: push.url,
        POINTS_URL: points.url,
        SEARCH_URL: search.url,
        SMS_URL: sms.url,
      },
    })
    this.#open.set(rung, world)
    try {
      await world.process('A').start()
      return world
    } catch (error) {
      this.#open.delete(rung)
      await world.close()
      throw error
    }
  }
}
