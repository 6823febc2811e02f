// What the page is answered, as JSON. Both sides are checked against it.
import type { FailureStatus, QueueStats, Stats } from '../../core/index.js'
import type { Summary } from './activity.js'
import type { DashboardBacklog } from './options.js'
import type { Retry } from './retries.js'
import type { Shown } from './shown.js'

export interface State {
  /** `boot`: another one for each mounted dashboard. `uptime`: milliseconds. */
  readonly process: { readonly boot: string; readonly host: string; readonly pid: number; readonly uptime: number }
  /** The server's clock, in milliseconds. */
  readonly now: number
  /** Milliseconds of one point of a chart, and how many points a chart has. */
  readonly point: { readonly length: number; readonly count: number }
  /** Since when somebody looks: of the time before, the charts know nothing. */
  readonly since: number
  /** The number of the point that is now. */
  readonly at: number
  readonly tasks: readonly Summary[]
  readonly stats: Stats
  readonly queues: readonly QueueStats[]
  readonly retries: readonly Retry[]
  /** Another number: rows of the failure log have changed. */
  readonly changes: number
  readonly outbox: { readonly backlog: BacklogAnswer; readonly relay: Readonly<Record<string, number>> | null } | null
  /** To be sent with every change. */
  readonly token?: string
}

/** `null`: not looked yet. */
export type BacklogAnswer = DashboardBacklog | { readonly error: string } | null

export interface Page<Row> {
  readonly items: readonly Row[]
  readonly nextCursor: string | null
}

export interface FailureRow {
  readonly id: string
  readonly task: string
  readonly status: FailureStatus
  readonly errorName: string | null
  readonly errorMessage: string | null
  readonly attempts: number
  readonly recordedAt: string
  /** A closure cannot be run again. */
  readonly isClosure: boolean
}

export interface FailureDetails extends FailureRow {
  readonly errorStack: string | null
  readonly requestId: string | null
  readonly retryOf: string | null
  readonly registeredAt: string
  readonly lastAttemptAt: string | null
  readonly payload: Shown
}

export interface DeadRow {
  readonly id: string
  readonly task: string
  readonly key: string | null
  readonly attempts: number
  readonly lastError: string | null
}

export interface DeadDetails extends DeadRow {
  readonly messageId: string
  readonly payload: Shown
}

/** What became of a change. */
export interface Report {
  readonly done: number
  /** Why some were left as they were, and how many. */
  readonly reasons: Readonly<Record<string, number>>
  /** Where to go on, if there may be more. */
  readonly nextCursor: string | null
}
