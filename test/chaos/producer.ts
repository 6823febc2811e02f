// Commits transactions, each with its row and its messages.
import { setTimeout as delay } from 'node:timers/promises'
import type { PrismaClient } from '../../prisma/client/sqlite/client.js'
import type { Provider } from '../../prisma/providers.js'
import type { AfterCommit, DefinedTask } from '../../src/index.js'
import type { Ledger } from './ledger.js'
import type { Orders } from './orders.js'
import { insertTransaction } from './tables.js'
import { randomTransaction, type Transaction, type Work } from './workload.js'

export interface ProducerSettings {
  readonly provider: Provider
  readonly prisma: PrismaClient
  readonly afterCommit: AfterCommit
  readonly tasks: Readonly<Record<Work['task'], DefinedTask<Work>>>
  readonly ledger: Ledger
  /** Messages that wait to be handled. */
  readonly pending: () => Promise<number>
  /** Runs what a transaction does with its name at hand. */
  readonly within: <R>(name: string, run: () => R) => R
}

/** So many may wait: a backlog without an end would tell nothing. */
const most = 150
const atOnce = 4

export class Producer {
  readonly #settings: ProducerSettings
  #next = 0
  #enough = false

  constructor(settings: ProducerSettings) {
    this.#settings = settings
  }

  async run(what: NonNullable<Orders['produce']>): Promise<void> {
    if (!('seed' in what)) {
      for (const transaction of what) await this.#commit(transaction)
      return
    }
    this.#next = what.from
    await Promise.all(Array.from({ length: atOnce }, () => this.#goOn(what.seed, what.extra ?? false)))
  }

  enough(): void {
    this.#enough = true
  }

  async #goOn(seed: number, extra: boolean): Promise<void> {
    const { ledger, pending } = this.#settings
    while (!this.#enough) {
      const transaction = this.#next++
      if (transaction % 10 === 0) {
        while (!this.#enough && (await pending().catch(() => most)) >= most) await delay(50)
      }
      ledger.write({ what: 'begun', transaction })
      await this.#commit(randomTransaction(seed, transaction, extra ? ['extra'] : []))
    }
  }

  async #commit({ name, work, dropped, rollsBack }: Transaction): Promise<void> {
    const { provider, prisma, afterCommit, tasks, ledger, within } = this.#settings
    const register = (one: Work): unknown => afterCommit(tasks[one.task], one)
    const transact = (): Promise<void> =>
      prisma.$transaction(async (tx) => {
        await tx.$executeRawUnsafe(insertTransaction[provider], name, JSON.stringify(work))
        work.forEach(register)
        if (dropped.length > 0) {
          const savepoint = tx.$transaction(() => {
            dropped.forEach(register)
            return Promise.reject(new Error('dropped'))
          })
          await savepoint.catch(() => undefined)
        }
        if (rollsBack) throw new Error('rolled back')
      })
    try {
      await within(name, transact)
    } catch (error) {
      if (rollsBack) return
      // Whether it has committed is known by its row alone.
      ledger.write({ what: 'refused', error: String(error).slice(0, 500) })
      await delay(50)
    }
  }
}
