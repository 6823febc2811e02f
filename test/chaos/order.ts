import { type Entry, isDisturbance, stoodStill } from './ledger.js'
import type { Round } from './round.js'

/** A handler that has started, and neither resolved nor failed. */
interface Open {
  readonly started: Entry
  readonly message: string
  /** Its process was held up: somebody else may have taken over, and it may be at it still, since no handler can be stopped. */
  disturbed: boolean
}

/** The messages of one key. */
interface Line {
  /** Those that have not succeeded, in the order of their commits. */
  readonly waiting: string[]
  open: Open[]
  latest: string | undefined
}

type Places = ReadonlyMap<string, number>

/** One sentence for each place where messages of a key did not go one at a time, in the order of their commits. */
export function ordersBroken({ ledger, committed, effects, lease }: Round): string[] {
  const place: Places = new Map(committed.map(({ name }, index) => [name, index]))
  const lines = new Map<string, Line>()
  const lineOf = new Map<string, Line>()
  for (const { name, key } of committed) {
    if (key === '') continue
    const line = lines.get(key) ?? { waiting: [], open: [], latest: undefined }
    line.waiting.push(name)
    lines.set(key, line)
    lineOf.set(name, line)
  }
  return [...ofEffects(effects, lineOf, place), ...ofHandlers(ledger, lineOf, place, lease)]
}

function ofHandlers(
  ledger: readonly Entry[],
  lineOf: ReadonlyMap<string, Line>,
  place: Places,
  lease: number,
): string[] {
  const broken: string[] = []
  const comesBefore = (a: string | undefined, b: string): boolean => a !== undefined && orderOf(place, a, b) < 0
  for (const entry of ledger) {
    if (isDisturbance(entry)) {
      for (const { open } of lineOf.values()) {
        for (const each of open) each.disturbed ||= each.started.pid === entry.pid
      }
    }
    if (entry.what !== 'started' && entry.what !== 'ended' && entry.what !== 'failed') continue
    const { message, what } = entry
    const line = lineOf.get(message)
    if (!line) continue
    if (what !== 'started') {
      line.open = line.open.filter((each) => each.message !== message || each.started.pid !== entry.pid)
      if (what === 'ended' && line.waiting.includes(message)) line.waiting.splice(line.waiting.indexOf(message), 1)
      continue
    }
    const beside = line.open.filter(
      ({ started, disturbed }) => !disturbed && !stoodStill(ledger, started.pid, started, entry, lease / 2),
    )
    for (const other of beside) broken.push(`${message} started while ${other.message} was running`)
    const [first] = line.waiting
    if (comesBefore(first, message)) broken.push(`${message} started before ${first} had succeeded`)
    if (line.latest !== undefined && comesBefore(message, line.latest)) {
      broken.push(`${message} started when ${line.latest} had`)
    }
    line.latest = message
    line.open.push({ started: entry, message, disturbed: false })
  }
  return broken
}

function ofEffects(effects: readonly string[], lineOf: ReadonlyMap<string, Line>, place: Places): string[] {
  const broken: string[] = []
  const last = new Map<Line, string>()
  for (const name of effects) {
    const line = lineOf.get(name)
    if (!line) continue
    const before = last.get(line)
    if (before !== undefined && orderOf(place, before, name) > 0) {
      broken.push(`the effect of ${name} came after that of ${before}`)
    }
    last.set(line, name)
  }
  return broken
}

const orderOf = (place: Places, a: string, b: string): number => (place.get(a) ?? 0) - (place.get(b) ?? 0)
