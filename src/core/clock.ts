import { performance } from 'node:perf_hooks' // what is global under this name is a getter, which costs as much as the clock

/** Milliseconds, by a clock that never goes back. */
export const now = (): number => performance.now()

/** The same in whole milliseconds: for 24 days these are small integers. */
export const wholeMs = (at = now()): number => small(Math.floor(at))

/** Up to 2³¹ V8 can keep a number where the pointer to it would be; one that came from elsewhere it does not look at again. */
export const small = (number: number): number => (number === (number | 0) ? number | 0 : number)

let offset = 0

/** The date of such a time. It follows when the machine's clock is set, but not by the millisecond that comes of rounding. */
export function dateOf(at: number): Date {
  const measured = Math.floor(Date.now() - now())
  if (Math.abs(measured - offset) > 1) offset = measured
  return new Date(offset + at)
}
