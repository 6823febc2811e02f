// From milliseconds to pixels.
import { type Strip, endOf } from './model.js'

/** `click`: every request begins at the left. `clock`: all of them on one clock. */
export type Alignment = 'click' | 'clock'

export interface Scale {
  /** Milliseconds over the whole width. */
  readonly span: number
  /** Of a strip: how many milliseconds from the left it begins. */
  offset(strip: Strip): number
  /** Where an instant is on the common clock; undefined where there is none. */
  place(at: number): number | undefined
}

const steps = [200, 500, 1_000, 2_000, 3_000, 5_000, 8_000, 12_000, 15_000, 20_000, 30_000, 60_000, 120_000]
/** The newest ones decide how much there is to see. */
const newest = 40
/** A pause of that many milliseconds ends what belongs together. */
const gap = 4_000

export function scaleOf(strips: readonly Strip[], alignment: Alignment, now: number): Scale {
  const recent = strips.slice(-newest)
  if (alignment === 'click') {
    const longest = Math.max(0, ...recent.map((strip) => endOf(strip, now) - strip.at))
    return { span: nice(longest * 1.12), offset: () => 0, place: () => undefined }
  }
  const ends = recent.map((strip) => endOf(strip, now))
  const end = Math.max(0, ...ends)
  let start = end
  for (const [index, { at }] of [...recent.entries()].toReversed()) {
    const later = recent[index + 1]
    if (later && later.at - (ends[index] ?? at) > gap) break
    start = Math.min(start, at)
  }
  const span = nice((end - start) * 1.12)
  return { span, offset: ({ at }) => at - start, place: (at) => (at < start ? undefined : at - start) }
}

function nice(milliseconds: number): number {
  return steps.find((step) => step >= milliseconds) ?? steps.at(-1) ?? 120_000
}

/** Five or so round numbers. */
export function ticksOf(span: number): number[] {
  const step = [50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000].find((each) => span / each <= 6) ?? 30_000
  return Array.from({ length: Math.floor(span / step) + 1 }, (_, index) => index * step)
}
