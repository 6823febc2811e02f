// The figures, as a table for people (Markdown) and as lines of JSON.
import type { Benchmark, Comparison, Figures, Spread } from './benchmark.js'
import { once, spread } from './benchmark.js'

/** One comparison over all rounds, of those that were measured. The ratio is that of the same round, since its neighbours saw the same machine. */
interface Result extends Comparison {
  readonly our: Spread
  readonly their: Spread | undefined
  readonly ratio: Spread | undefined
}

/** What each round measured, by contestant. */
export type Measured = readonly ReadonlyMap<string, Figures>[]

export function resultsOf(benchmark: Benchmark, rounds: Measured): Result[] {
  const isMeasured = (contestant: string, measure: string): boolean =>
    rounds.some((round) => round.get(contestant)?.[measure] !== undefined)
  const compared = benchmark.comparisons.filter(
    ({ measure, ours, theirs }) => isMeasured(ours, measure) && isMeasured(theirs ?? ours, measure),
  )
  return compared.map((comparison) => {
    const { measure, ours, theirs } = comparison
    const of = (contestant: string): number[] => rounds.map((round) => round.get(contestant)?.[measure] ?? NaN)
    const our = of(ours)
    if (theirs === undefined) return Object.assign({ their: undefined, ratio: undefined, our: spread(our) }, comparison)
    const their = of(theirs)
    const ratio = spread(our.map((figure, round) => figure / (their[round] ?? NaN)))
    return Object.assign({ our: spread(our), their: spread(their), ratio }, comparison)
  })
}

export function jsonLines(name: string, results: readonly Result[]): string[] {
  return results.map(({ measure, unit, ours, theirs, our, their, ratio }) =>
    JSON.stringify({
      name: `${name}: ${measure}, ${ours}${theirs === undefined ? '' : ` against ${theirs}`}`,
      ours: our.median,
      theirs: their?.median ?? null,
      ratio: ratio?.median ?? null,
      unit,
      node: process.version,
    }),
  )
}

export function table(results: readonly Result[]): string {
  const rows = results.map(({ measure, unit, ours, theirs, our, their, ratio, bar, least }) => [
    measure,
    unit,
    `${ours} ${figures(our)}`,
    their ? `${theirs} ${figures(their)}` : '',
    ratio ? figures(ratio) : '',
    barOf((ratio ?? our).median, bar, least),
  ])
  return markdown(['measure', 'unit', 'ours: median (min to max)', 'theirs', 'ratio', 'bar'], rows)
}

/** The medians of all contestants. */
export function overview({ contestants, overview: columns = [] }: Benchmark, rounds: Measured): string {
  const cell = (contestant: string, measure: string): string =>
    short(spread(rounds.map((round) => round.get(contestant)?.[measure] ?? NaN)).median)
  return markdown(
    ['', ...columns.map(({ measure, unit }) => (unit === '' ? measure : `${measure}, ${unit}`))],
    contestants.map((contestant) => [contestant, ...columns.map(({ measure }) => cell(contestant, measure))]),
  )
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0), 3))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}

function barOf(figure: number, most: number | undefined, least: number | undefined): string {
  if (most === undefined && least === undefined) return ''
  const met = most === undefined ? figure >= (least ?? 0) : figure <= most
  return `${most === undefined ? `at least ${least}` : `at most ${most}`}${once ? '' : met ? ', met' : ', MISSED'}`
}

function figures({ median, min, max }: Spread): string {
  return min === max || Number.isNaN(median) ? short(median) : `${short(median)} (${short(min)} to ${short(max)})`
}

function short(figure: number): string {
  if (Number.isNaN(figure)) return '–'
  if (Math.abs(figure) < 0.1) return figure === 0 ? '0' : figure.toPrecision(1)
  const digits = Math.abs(figure) >= 100 ? 0 : Math.abs(figure) >= 10 ? 1 : 2
  return figure.toFixed(digits)
}
