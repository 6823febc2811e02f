import type { DatabaseName } from '../support/servers.js'
import type { Arena } from './arena.js'
import type { Verdict } from './checker.js'

export interface Scenario {
  /** A sentence's subject: what happens to the processes. */
  readonly name: string
  /** Where it makes sense. */
  readonly on: readonly DatabaseName[]
  /** In the short form it is run on one of these, unless it is for all of them. */
  readonly isForAll?: boolean
  /** On rung one: what is lost is what there is to see, and it knows no keys. */
  readonly isInMemory?: boolean
  /** Rejects where something is not as it must be, besides what every verdict says. */
  run(arena: Arena): Promise<Verdict>
}

export const everywhere: readonly DatabaseName[] = ['postgresql', 'mariadb', 'sqlite']
export const servers: readonly DatabaseName[] = ['postgresql', 'mariadb']
