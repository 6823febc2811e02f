import { type Ledger, checkLedger } from './ledger.js'

/** What the demo says at its end, and whether the promise was kept. */
export interface Verdict {
  readonly kept: boolean
  readonly text: string
}

/** Judges the run after the commit by its books. */
export function judge(ledger: Ledger): Verdict {
  const { ranWithoutCommit, withoutRecord } = checkLedger(ledger)
  const lines = [
    "After the commit, by the database and the partners' own lists:",
    `  tasks that ran for a transaction that did not commit: ${ranWithoutCommit.length}`,
    `  tasks without a record: ${withoutRecord.length}`,
  ]
  for (const { partner, requestId } of ranWithoutCommit)
    lines.push(`  ran without a commit: ${partner}, request ${requestId}`)
  for (const { partner, requestId } of withoutRecord) lines.push(`  without a record: ${partner}, request ${requestId}`)
  // An empty book has no violations, and proves nothing.
  if (ledger.committed.length === 0) lines.push('  nothing was committed, so nothing is proved')
  return {
    kept: ledger.committed.length > 0 && ranWithoutCommit.length + withoutRecord.length === 0,
    text: lines.join('\n'),
  }
}
