// What the processes of a round and the one that directs them say to one another.
import type { Provider } from '../../prisma/providers.js'
import type { RelayOptions, RelayStats } from '../../src/outbox/index.js'
import type { Transaction, Work } from './workload.js'

export type Point = 'before commit' | 'after commit'

/** The first thing that a process is told. */
export interface Orders {
  readonly provider: Provider
  readonly url: string
  /** The file of the ledger. */
  readonly ledger: string
  readonly lease: number
  /** `memory`: rung one, the same tasks without an outbox. @default 'outbox' */
  readonly rung?: 'memory' | 'outbox'
  readonly relay?: Omit<RelayOptions, 'afterCommit' | 'pool' | 'lease'>
  /** The relay's own statements go through a pool of `pg`. */
  readonly pool?: boolean
  /** The names that it has tasks for. @default all */
  readonly knows?: readonly Work['task'][]
  /** These, one after the other, then `produced`; or without an end, from a seed, until it is told `enough`. */
  readonly produce?: readonly Transaction[] | { readonly seed: number; readonly from: number; readonly extra?: boolean }
  /** Where the first transaction waits for `go`: it says `paused` there. */
  readonly pauseAt?: Point
  /** Handlers wait for `go`, before they have had their effect or when they have. */
  readonly holds?: 'before effect' | 'after effect'
  /** So many handlers fail first, whatever their message says. */
  readonly failsFirst?: number
  /** Of the relay, at SIGTERM. @default 10_000 */
  readonly grace?: number
}

export type Told = 'go' | 'enough' | 'stats'

export type Said =
  { readonly said: 'loaded' | 'ready' | 'paused' | 'produced' } | { readonly said: 'stats'; readonly stats: RelayStats }
