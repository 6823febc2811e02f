import type { Entry } from './ledger.js'
import type { Work } from './workload.js'

/** What is known of a round when it is over. */
export interface Round {
  readonly ledger: readonly Entry[]
  /** What committed transactions have registered, in the order of their commits. */
  readonly committed: readonly Pick<Work, 'name' | 'key'>[]
  /** Names of messages, in the order of the rows that their handlers have written. */
  readonly effects: readonly string[]
  /** Rows that are still in the table of messages. */
  readonly left: readonly { readonly name: string; readonly status: string }[]
  /** A process that stood still for longer than half of it may have lost it. */
  readonly lease: number
}
