// Judges a round by its ledger and by what a connection of its own sees in the tables. Pure.
import { type Entry, isDisturbance, stoodStill } from './ledger.js'
import { ordersBroken } from './order.js'
import type { Round } from './round.js'

export interface Verdict {
  readonly committed: number
  /** Committed, without an effect, and in no row of the table: nobody will ever handle it. */
  readonly lost: readonly string[]
  /** Had an effect, although no transaction committed it. */
  readonly ghosts: readonly string[]
  /** Had their effect more than once. */
  readonly twice: readonly string[]
  /** Started once more although an attempt before had not failed. */
  readonly duplicates: number
  /** Started, and not known to be written, when their process was killed, stopped or cut off. */
  readonly inFlight: number
  /** Duplicates of what was not in flight at a kill. */
  readonly unexplained: readonly string[]
  /** Where the order of a key is broken, or two of a key ran at once. */
  readonly disorder: readonly string[]
  readonly dead: readonly string[]
  readonly left: number
}

export function judge(round: Round): Verdict {
  const { ledger, committed, effects, left } = round
  const names = new Set(committed.map(({ name }) => name))
  const had = new Set(effects)
  const stored = new Set(left.map(({ name }) => name))
  const { duplicates, unexplained } = repetitions(round)
  return {
    committed: committed.length,
    lost: [...names].filter((name) => !had.has(name) && !stored.has(name)),
    ghosts: [...new Set([...effects, ...startedIn(ledger)])].filter((name) => !names.has(name)),
    twice: [...had].filter((name) => effects.indexOf(name) !== effects.lastIndexOf(name)),
    duplicates,
    inFlight: inFlightAt(ledger),
    unexplained,
    disorder: ordersBroken(round),
    dead: left.filter(({ status }) => status === 'dead').map(({ name }) => name),
    left: left.length,
  }
}

/** What must not be, in words: empty for a round that has kept its promises. */
export function faultsOf(verdict: Verdict): string[] {
  const { lost, ghosts, twice, duplicates, inFlight, unexplained, disorder } = verdict
  const faults: [string, readonly string[]][] = [
    ['lost', lost],
    ['delivered without a commit', ghosts],
    ['more than one effect', twice],
    ['a duplicate of what was not in flight', unexplained],
    ['order of a key', disorder],
  ]
  const found = faults.flatMap(([what, which]) => which.map((one) => `${what}: ${one}`))
  if (duplicates > inFlight) found.push(`${duplicates} duplicates, but ${inFlight} in flight`)
  return found
}

const startedIn = (ledger: readonly Entry[]): string[] =>
  ledger.flatMap((entry) => (entry.what === 'started' ? [entry.message] : []))

/** Attempts after one that had not failed, and those of them that nothing explains. */
function repetitions({ ledger, lease }: Round): { duplicates: number; unexplained: string[] } {
  const unexplained: string[] = []
  const before = new Map<string, { readonly index: number; readonly entry: Entry; failed: boolean }>()
  const running = new Map<string, { failed: boolean }>()
  const written = new Set<string>()
  const ids = new Map<string, string>()
  let duplicates = 0
  ledger.forEach((entry, index) => {
    if (entry.what === 'written') written.add(entry.messageId)
    if (entry.what === 'failed') {
      const attempt = running.get(`${entry.pid} ${entry.message}`)
      if (attempt) attempt.failed = true
    }
    if (entry.what !== 'started') return
    const { message, messageId, pid } = entry
    const last = before.get(message)
    const first = ids.get(message) ?? messageId
    const about = `${message}, attempt ${entry.attempt} of process ${pid}`
    if (first !== messageId) unexplained.push(`${about}: its id was ${first} and is ${messageId}`)
    if (last && !last.failed) {
      duplicates++
      const holder = last.entry
      const isExplained =
        ledger.slice(last.index, index).some((each) => each.pid === holder.pid && isDisturbance(each)) ||
        stoodStill(ledger, holder.pid, holder, entry, lease / 2)
      if (written.has(messageId)) unexplained.push(`${about}: its completion was written before`)
      else if (!isExplained) unexplained.push(`${about}: nothing has happened to process ${holder.pid}, which had it`)
    }
    const own = { index, entry, failed: false }
    before.set(message, own)
    running.set(`${pid} ${message}`, own)
    ids.set(message, first)
  })
  return { duplicates, unexplained }
}

/** Summed over all kills, stops and cuts, each attempt once. What a process still did before it died of a kill counts as well. */
function inFlightAt(ledger: readonly Entry[]): number {
  const held = new Map<number, Map<string, string>>()
  let sum = 0
  for (const entry of ledger) {
    const own = held.get(entry.pid) ?? new Map<string, string>()
    held.set(entry.pid, own)
    if (entry.what === 'started') own.set(entry.message, entry.messageId)
    if (entry.what === 'failed') own.delete(entry.message)
    if (entry.what === 'written') for (const [name, id] of own) if (id === entry.messageId) own.delete(name)
    if ((isDisturbance(entry) && entry.what !== 'kill') || entry.what === 'stood still') {
      sum += own.size
      own.clear()
    }
  }
  return sum
}
