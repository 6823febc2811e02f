import { randomUUID } from 'node:crypto'

/**
 * The states of a row of `OutboxMessage`.
 *
 *                claimed: lockToken + 1            the handler resolved, and the token is still this one
 *   pending ───────────────────────────▶ processing ───────────────▶ done (deleted, or kept for a while)
 *    ▲   ▲                               │   │    │
 *    │   └── failed, or given back ──────┘   │    └── no attempts are left ──▶ dead
 *    │       (availableAt: after backoff)    └─▶ processing, once lockedUntil is over:             │
 *    │                                           a suspect, claimed and handled alone              │
 *    └──────────────────────────────────────── dead.retry(id) ─────────────────────────────────────┘
 */
export type MessageStatus = 'pending' | 'processing' | 'done' | 'dead'

/** A message as a relay has claimed it: its, until the lease ends or somebody else's claim raises the token. */
export interface ClaimedMessage {
  /** A bigint, as text. */
  readonly id: string
  readonly messageId: string
  readonly messageType: string
  readonly key: string | null
  readonly payload: string
  readonly headers: string | null
  readonly occurredAt: Date | string
  readonly token: number
  /** Attempts that count: those that failed, and those of a suspect. */
  readonly attempts: number
  /** Its lease ran out before: whoever held it may have died of it. */
  readonly suspect: boolean
}

/** UUID, version 7 (RFC 9562): the time in milliseconds, then random bits, so that ids of a time lie together in an index. */
export function newMessageId(): string {
  const time = Date.now().toString(16).padStart(12, '0')
  // A version 4 has the same variant, and its random bits come from a cache.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`
}

export interface Headers {
  readonly requestId?: string
  readonly [name: string]: string | undefined
}

export function readHeaders(headers: string | null): Headers {
  return headers === null ? {} : (JSON.parse(headers) as Headers)
}
