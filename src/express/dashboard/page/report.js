// What became of a change, in a sentence.
import { number } from './format.js'

/** @typedef {import('../answers.js').Report} Report */

/**
 * @param {Pick<Report, 'done' | 'reasons'>} report
 * @param {string} verb such as `retried`
 */
export function said({ done, reasons }, verb) {
  const others = Object.entries(reasons).map(([reason, n]) => (n > 1 ? `${reason} (${number(n)})` : reason))
  return [`${number(done)} ${verb}.`, ...others].join(' ')
}
