// Small charts of the last minutes. A point has a column of width 1; the text beside each chart says what it shows.
import { svg } from './dom.js'

/** @typedef {import('../activity.js').Point} Point */
/** @typedef {{ points: ReadonlyMap<number, Point>, first: number, at: number, count: number }} Series */

/**
 * An empty chart, to be drawn again and again.
 *
 * @param {number} height
 * @param {string} className
 */
export function chart(height, className) {
  return svg('svg', { class: `chart ${className}`, role: 'img', preserveAspectRatio: 'none', 'data-height': height })
}

/**
 * Columns of attempts: those that succeeded, with those that failed on top.
 *
 * @param {SVGSVGElement} target
 * @param {Series} series
 * @param {number} highest the number of attempts that reaches the top
 */
export function drawRate(target, { points, first, at, count }, highest) {
  const height = heightOf(target)
  const scale = (height - 1) / Math.max(highest, 1)
  let ok = ''
  let bad = ''
  for (let column = 0; column < count; column++) {
    const [, succeeded = 0, failed = 0] = points.get(at - count + 1 + column) ?? []
    const low = height - succeeded * scale
    if (succeeded > 0) ok += `M${column} ${height}V${fixed(low)}h1V${height}z`
    // Never less than a pixel: one failure among a thousand must be seen.
    if (failed > 0)
      bad += `M${column} ${fixed(low)}V${fixed(Math.max(0, low - Math.max(failed * scale, 1.5)))}h1V${fixed(low)}z`
  }
  redraw(target, count, [line('base', baseline(first, at, count, height)), line('ok', ok), line('bad', bad)])
}

/**
 * How long attempts took: from half of them to 95 of 100, and the half as a line.
 *
 * @param {SVGSVGElement} target
 * @param {Series} series
 */
export function drawDurations(target, { points, first, at, count }) {
  const height = heightOf(target)
  const all = Array.from(points.values(), ([, , , , p95]) => p95 ?? 0)
  const scale = (height - 2) / Math.max(...all, 1)
  let range = ''
  let half = ''
  let before = false
  for (let column = 0; column < count; column++) {
    const [, , , p50 = null, p95 = null] = points.get(at - count + 1 + column) ?? []
    if (p50 === null || p95 === null) {
      before = false
      continue
    }
    const low = fixed(height - p50 * scale - 1)
    range += `M${column} ${low}V${fixed(height - p95 * scale - 1)}h1V${low}z`
    half += `${before ? 'V' : `M${column} `}${low}h1`
    before = true
  }
  redraw(target, count, [line('base', baseline(first, at, count, height)), line('range', range), line('half', half)])
}

/** @param {SVGSVGElement} target */
const heightOf = (target) => Number(target.getAttribute('data-height'))

/** @param {number} n */
const fixed = (n) => Number(n.toFixed(2))

/**
 * Only where somebody has looked: before that, nothing is known.
 *
 * @param {number} first
 * @param {number} at
 * @param {number} count
 * @param {number} height
 */
const baseline = (first, at, count, height) => `M${Math.max(0, first - (at - count + 1))} ${height - 0.5}H${count}`

/**
 * @param {string} name
 * @param {string} d
 */
const line = (name, d) => /** @type {const} */ ([name, d])

/**
 * @param {SVGSVGElement} target
 * @param {number} count
 * @param {readonly (readonly [name: string, d: string])[]} paths
 */
function redraw(target, count, paths) {
  target.setAttribute('viewBox', `0 0 ${count} ${heightOf(target)}`)
  for (const [index, [name, d]] of paths.entries()) {
    const path = target.children[index] ?? target.appendChild(svg('path', { class: name }))
    if (path.getAttribute('d') !== d) path.setAttribute('d', d)
  }
}
