import type { OutboxMessage } from '../core/outbox.js'
import type { ClaimedMessage } from './message.js'

/** A claim on a row: nothing that it asks for happens once somebody else has claimed the row since. */
export interface Held {
  readonly heldId: string
  readonly heldToken: number
}

/** What tells a claim from every other one, an earlier one of the same row included: a batch may have both. */
export const claimOf = ({ heldId, heldToken }: Held): string => `${heldId}:${heldToken}`

/** What becomes of a message that has not been handled. */
export interface Verdict extends Held {
  readonly newStatus: 'pending' | 'dead'
  /** Milliseconds until it may be claimed again, by the database's clock. */
  readonly delay: number
  readonly newAttempts: number
  /** 1 where its handler failed. */
  readonly failed: 0 | 1
  readonly error: string | null
}

/** An event that was handed to its subscribers: by these messages. */
export interface Fanned extends Held {
  readonly messages: readonly OutboxMessage[]
}

/**
 * Where a relay takes its messages from. Each answer of `complete`, `fanOut`, `putBack` and `renew` has the claims that were still held, as
 * `claimOf` tells them: for the others nothing has happened.
 */
export interface Source {
  /** Claims what is due, in the order in which it became due, at most one of each key. */
  claim(limit: number): Promise<readonly ClaimedMessage[]>
  /** Whether there are messages whose lease has run out. */
  hasSuspects(): Promise<boolean>
  /** Claims one of them, and counts the attempt that is about to start: it may not live to tell. */
  claimSuspect(): Promise<ClaimedMessage | undefined>
  complete(held: readonly Held[]): Promise<ReadonlySet<string>>
  /** Completes them and stores the messages of their subscribers, both or neither. */
  fanOut(events: readonly Fanned[]): Promise<ReadonlySet<string>>
  putBack(verdicts: readonly Verdict[]): Promise<ReadonlySet<string>>
  /** A new lease from now on. */
  renew(held: readonly Held[]): Promise<ReadonlySet<string>>
}
