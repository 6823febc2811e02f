import type { Answer } from './drive.js'
import { type Violations, checkLedger } from './ledger.js'
import type { Rung, RungResult } from './run-rung.js'

/** The numbers of one run, as the table shows them. */
export interface Summary {
  readonly requests: number
  readonly succeeded: number
  readonly refused: number
  readonly failed: number
  readonly failedLogins: number
  /** Codes that were refused because the pool was full: the user is asked to come back. */
  readonly refusedByPool: number
  readonly p50: number
  readonly p99: number
  readonly committed: number
  readonly rolledBack: number
  /** The database had no time for them: they never began. */
  readonly notBegun: number
  /** `undefined` where the partner is called inside the request: there are no tasks. */
  readonly tasks: { done: number; retried: number; failed: number; rejected: number } | undefined
  readonly violations: Violations
}

/** Counts what a run has shown. */
export function summarize(rung: Rung, { answers, ledger, retried }: RungResult): Summary {
  const failed = answers.filter(hasFailed)
  const times = answers.map((answer) => answer.milliseconds).toSorted((a, b) => a - b)
  const notBegun = answers.filter((answer) => answer.code === 'TransactionNotBegun').length
  const recorded = (status: string): number => ledger.recorded.filter((entry) => entry.status === status).length
  return {
    requests: answers.length,
    succeeded: answers.filter(({ status }) => status >= 200 && status < 300).length,
    refused: answers.filter(({ status }) => status >= 400 && status < 500).length,
    failed: failed.length,
    failedLogins: failed.filter(({ request }) => request.kind === 'login').length,
    refusedByPool: failed.filter(({ code }) => code === 'ERR_POOL_FULL').length,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    committed: ledger.committed.length,
    // Every planned request opens one transaction.
    rolledBack: answers.length - ledger.committed.length - notBegun,
    notBegun,
    tasks:
      rung === 'inside'
        ? undefined
        : { done: ledger.delivered.length, retried, failed: recorded('failed'), rejected: recorded('rejected') },
    violations: checkLedger(ledger),
  }
}

const hasFailed = ({ status }: Answer): boolean => status === 0 || status >= 500

/** The smallest value that at least this share of the sorted values does not exceed (nearest rank). */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
}
