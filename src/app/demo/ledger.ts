import type { PartnerName } from '../partners/start.js'

/** What the database and the partners say about one run, when everything is over. */
export interface Ledger {
  /** One per committed transaction, from the rows of the shop: the request, and the partner that it owes a call. */
  readonly committed: readonly Entry[]
  /** One per thing that a partner did, from the partner's own list. */
  readonly delivered: readonly Entry[]
  /** One per row of the failure log. */
  readonly recorded: readonly (Entry & { readonly status: string })[]
}

/** A request and the partner that it is about. */
export interface Entry {
  readonly requestId: string
  readonly partner: PartnerName
}

/** What must not be. Both lists are empty where the promise is kept. */
export interface Violations {
  /** A partner did something, or a failure was recorded, for a transaction that did not commit. */
  readonly ranWithoutCommit: readonly Entry[]
  /** A transaction committed, and its task was neither done nor recorded. */
  readonly withoutRecord: readonly Entry[]
}

/** Names an entry in a set. */
export const keyOf = ({ requestId, partner }: Entry): string => `${partner} ${requestId}`

/** Compares the books. The library is not asked: its counters could be wrong in the same way as its work. */
export function checkLedger({ committed, delivered, recorded }: Ledger): Violations {
  const owed = new Set(committed.map(keyOf))
  const accounted = new Set([...delivered, ...recorded].map(keyOf))
  return {
    ranWithoutCommit: [...delivered, ...recorded].filter((entry) => !owed.has(keyOf(entry))),
    withoutRecord: committed.filter((entry) => !accounted.has(keyOf(entry))),
  }
}
