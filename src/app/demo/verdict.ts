import { type Entry, type Ledger, checkLedger } from './ledger.js'

/** What the demo says at its end, and whether the promise was kept. */
export interface Verdict {
  readonly kept: boolean
  readonly text: string
}

const shown = 5

/** Judges the run after the commit by its books. */
export function judge(ledger: Ledger): Verdict {
  const { ranWithoutCommit, withoutRecord } = checkLedger(ledger)
  const lines = [
    "After the commit, by the database and the partners' own lists:",
    `  tasks that ran for a transaction that did not commit: ${ranWithoutCommit.length}`,
    ...namesOf(ranWithoutCommit),
    `  tasks without a record: ${withoutRecord.length}`,
    ...namesOf(withoutRecord),
  ]
  // An empty book has no violations, and proves nothing.
  if (ledger.committed.length === 0) lines.push('  nothing was committed, so nothing is proved')
  const kept = ledger.committed.length > 0 && ranWithoutCommit.length + withoutRecord.length === 0
  return { kept, text: lines.join('\n') }
}

function namesOf(entries: readonly Entry[]): string[] {
  const names = entries.slice(0, shown).map(({ partner, requestId }) => `    ${partner}, request ${requestId}`)
  return entries.length > shown ? [...names, `    and ${entries.length - shown} more`] : names
}
