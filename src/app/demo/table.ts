import type { Summary } from './summary.js'

const labelWidth = 42
const columnWidth = 18

/** The one table: both runs side by side, 78 columns wide. */
export function renderTable(inside: Summary, after: Summary): string {
  const row = (label: string, cell: (summary: Summary) => string | number): string =>
    line(label, text(cell(inside)), text(cell(after)))
  const task = (label: string, count: (tasks: NonNullable<Summary['tasks']>) => number): string =>
    row(label, ({ tasks }) => (tasks === undefined ? '–' : count(tasks)))
  return [
    line('the partner is called', 'inside the request', 'after the commit'),
    line('', '(rung 0)', '(rung 1)'),
    '─'.repeat(labelWidth + 2 * columnWidth),
    row('requests', (summary) => summary.requests),
    row('  answered 2xx', (summary) => summary.succeeded),
    row('  refused 4xx (sold out, done before, …)', (summary) => summary.refused),
    row('  failed 5xx', (summary) => summary.failed),
    row('    failed logins', (summary) => summary.failedLogins),
    row('    SMS codes put off, the pool was full', (summary) => summary.refusedByPool),
    row('answered within, p50', (summary) => milliseconds(summary.p50)),
    row('answered within, p99', (summary) => milliseconds(summary.p99)),
    row('transactions committed', (summary) => summary.committed),
    row('  rolled back', (summary) => summary.rolledBack),
    row('  not begun, the database was busy', (summary) => summary.notBegun),
    task('tasks succeeded', (tasks) => tasks.done),
    task('  failed attempts that were tried again', (tasks) => tasks.retried),
    task('  failed, with a row', (tasks) => tasks.failed),
    task('  rejected, with a row', (tasks) => tasks.rejected),
    row('ran, but nothing was committed', (summary) => summary.violations.ranWithoutCommit.length),
    row('committed, but neither ran nor has a record', (summary) => summary.violations.withoutRecord.length),
  ].join('\n')
}

function line(label: string, first: string, second: string): string {
  return (label.padEnd(labelWidth) + first.padStart(columnWidth) + second.padStart(columnWidth)).trimEnd()
}

const text = (cell: string | number): string => (typeof cell === 'number' ? cell.toLocaleString('en') : cell)

const milliseconds = (value: number): string => `${Math.round(value).toLocaleString('en')} ms`
