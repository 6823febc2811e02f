// The ledgers, as tables for people.
import type { Server } from '../support/servers.js'
import type { Verdict } from './checker.js'
import type { Entry } from './ledger.js'
import type { Scenario } from './scenario.js'

const head = [
  'what happens',
  'database',
  'committed',
  'lost',
  'attempts',
  'kills',
  'in flight',
  'duplicates',
  'effects twice',
  'order broken',
  'dead',
  'ok',
]

export function lineOf(
  scenario: Scenario,
  server: Server,
  verdict: Verdict | undefined,
  ledger: readonly Entry[],
  isOk: boolean,
): string[] {
  const times = (...what: Entry['what'][]): number => ledger.filter((entry) => what.includes(entry.what)).length
  const { committed, lost, inFlight, duplicates, twice, disorder, dead } = verdict ?? {}
  const figures = [
    committed,
    lost?.length,
    times('started'),
    times('killed', 'stop', 'cut'),
    inFlight,
    duplicates,
    twice?.length,
    scenario.isInMemory ? undefined : disorder?.length,
    dead?.length,
  ]
  return [scenario.name, server.name, ...figures.map((figure) => String(figure ?? '–')), isOk ? 'yes' : 'NO']
}

/** In Markdown. */
export function table(lines: readonly (readonly string[])[], titles: readonly string[] = head): string {
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...lines.map((line) => line[column]?.length ?? 0)),
  )
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (/^\d/.test(cell) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0))).join(' | ')} |`
  return [row(titles), row(widths.map((width) => '-'.repeat(width))), ...lines.map(row)].join('\n')
}

/** The attempts of the messages that a fault names. */
export function attemptsOf(ledger: readonly Entry[], faults: readonly string[]): string {
  const named = (message: string): boolean => faults.some((fault) => fault.split(/[ :,]+/).includes(message))
  const lines = ledger.flatMap((entry, index) => {
    if (entry.what !== 'started' || !named(entry.message)) return []
    const { pid, message, messageId, attempt, at } = entry
    const end = ledger.find(
      (each, place) =>
        place > index &&
        each.pid === pid &&
        (each.what === 'ended' || each.what === 'failed' ? each.message === message : each.what === 'killed'),
    )
    const ended = end ? `${(end.at - at).toFixed(0)} ms: ${end.what}` : '–'
    return [[message, messageId, String(attempt), String(pid), at.toFixed(1), ended]]
  })
  return lines.length > 0 ? table(lines, ['message', 'messageId', 'attempt', 'pid', 'start', 'end']) : ''
}
