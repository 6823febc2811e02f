// What the page is told, live. Shared by the server and the browser, so it imports nothing.

/** Where a partner is called: inside the transaction, after the commit from memory, or from a row of the outbox. */
export const rungs = ['inside', 'after', 'outbox'] as const
export type Rung = (typeof rungs)[number]

/** Two processes may serve the same rung, on the same database. */
export const processNames = ['A', 'B'] as const
export type ProcessName = (typeof processNames)[number]

export const partners = ['points', 'push', 'sms', 'search'] as const
export type PartnerOfShop = (typeof partners)[number]

export type ProcessState = 'off' | 'starting' | 'up' | 'killed' | 'broken'

/** Milliseconds since 1970 with fractions, by the clock of this machine, read where it happened. */
export interface Timed {
  readonly at: number
}

export interface Origin extends Timed {
  readonly rung: Rung
  readonly process: ProcessName
  readonly pid: number
}

/** The page's server has taken a request for the shop; it could not get an answer. */
export interface Asked extends Timed {
  readonly kind: 'asked'
  readonly requestId: string
  readonly rung: Rung
  readonly path: string
}
export interface Unanswered extends Timed {
  readonly kind: 'unanswered'
  readonly requestId: string
  readonly status: number
}

export interface RequestStep extends Origin {
  readonly kind: 'request'
  readonly step: 'begun' | 'answered' | 'cut'
  readonly requestId: string
  readonly status?: number | undefined
}

export interface TransactionStep extends Origin {
  readonly kind: 'transaction'
  readonly step: 'begun' | 'committing' | 'committed' | 'rolled-back'
  readonly requestId: string | undefined
}

/** An event of `afterCommit.on`, of the relay, or of a call inside the transaction. */
export interface TaskStep extends Origin {
  readonly kind: 'task'
  readonly by: 'pool' | 'relay' | 'request'
  /** The name of the event. */
  readonly step: string
  readonly taskId: string
  readonly name: string
  readonly requestId: string | undefined
  readonly attempt: number
  readonly error?: string | undefined
}

export interface ProcessStep extends Origin {
  readonly kind: 'process'
  readonly state: ProcessState
}

export interface PartnerChange extends Timed {
  readonly kind: 'partner'
  readonly name: PartnerOfShop
  readonly settings: PartnerKnobs
}

export interface PartnerKnobs {
  /** Milliseconds. */
  readonly latency: number
  /** From 0 to 1. */
  readonly failureRate: number
  readonly down: boolean
}

export interface BooksRead extends Timed {
  readonly kind: 'books'
  readonly rung: Rung
  readonly books: Books
}

/** Counted in the tables of the shop and in the partners' own lists; the library is not asked. */
export interface Books {
  /** Calls that committed transactions owe to partners. */
  readonly owed: number
  /** Of these, done by the partner. */
  readonly delivered: number
  /** Of these, received more than once: the key told the partner, so it was done once. */
  readonly twice: number
  /** Not done, and a row of the failure log. */
  readonly failed: number
  /** Not done, and a dead message of the outbox. */
  readonly dead: number
  /** Not done, and a message of the outbox that waits for the relay or is in its hands. */
  readonly stored: number
  /** Not done, in no table, and the process that had it is gone. */
  readonly lost: number
  /** Not done, in no table: only the memory of a living process has it. */
  readonly inMemory: number
  /** Done by a partner for a transaction that did not commit. */
  readonly forNothing: number
  /** In the outbox when its process died, and done by the partner after that. */
  readonly cameBack: number
  /** The requests of what is lost, 500 at most. */
  readonly lostRequests: readonly string[]
  /** The requests of what was done for nothing, 500 at most. */
  readonly forNothingRequests: readonly string[]
}

export type Happening =
  Asked | Unanswered | RequestStep | TransactionStep | TaskStep | ProcessStep | PartnerChange | BooksRead

/** What there is to send requests about. */
export interface Goods {
  readonly emails: readonly string[]
  readonly userIds: readonly number[]
  readonly courseIds: readonly number[]
  readonly soldOutIds: readonly number[]
  readonly draftIds: readonly number[]
  /** Each of these users may finish this lesson. */
  readonly lessonId: number
  readonly learnerIds: readonly number[]
}

/** The first message of a connection. */
export interface Hello {
  /** Another one means another server: what was seen before is over. */
  readonly boot: string
  readonly now: number
  readonly goods: Goods
  readonly partners: Readonly<Record<PartnerOfShop, PartnerKnobs>>
  readonly processes: readonly ProcessStep[]
  readonly books: Readonly<Partial<Record<Rung, Books>>>
}
