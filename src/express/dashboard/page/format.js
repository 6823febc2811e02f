// Numbers, durations and times as texts.

const whole = new Intl.NumberFormat('en')

/** @param {number} n */
export const number = (n) => whole.format(n)

/**
 * @param {number} n
 * @param {string} one
 * @param {string} [many]
 */
export const count = (n, one, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`

/** A rate per second. @param {number} n */
export const rate = (n) => (n === 0 ? '0' : n < 10 ? n.toFixed(1) : number(Math.round(n)))

/** Milliseconds, in two steps of precision at most. @param {number | null} ms */
export function duration(ms) {
  if (ms === null) return '–'
  if (ms < 1) return '<1 ms'
  if (ms < 10) return `${ms.toFixed(1)} ms`
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`
  const seconds = Math.round(ms / 1_000)
  if (seconds < 60) return `${seconds} s`
  return (
    inTwo(seconds, 60, 'min', 's') ??
    inTwo(seconds / 60, 60, 'h', 'min') ??
    inTwo(seconds / 3_600, 24, 'd', 'h', Infinity) ??
    ''
  )
}

/**
 * @param {number} small
 * @param {number} size
 * @param {string} big
 * @param {string} little
 * @param {number} [limit]
 */
function inTwo(small, size, big, little, limit = size) {
  const n = Math.floor(small / size)
  const rest = Math.floor(small % size)
  if (n >= (big === 'h' ? 24 : limit)) return undefined
  return rest === 0 ? `${n} ${big}` : `${n} ${big} ${rest} ${little}`
}

/** How long ago, in one word and a number. @param {number} ms */
export function ago(ms) {
  if (ms < 5_000) return 'just now'
  const steps = /** @type {const} */ ([
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'min'],
    [1_000, 's'],
  ])
  const [length, unit] = steps.find(([each]) => ms >= each) ?? [1_000, 's']
  return `${Math.floor(ms / length)} ${unit} ago`
}

const clockFormat = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' })
const momentFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })

/** @param {number | string} time */
export const clock = (time) => clockFormat.format(new Date(time))

/** @param {number | string} time */
export const moment = (time) => momentFormat.format(new Date(time))
