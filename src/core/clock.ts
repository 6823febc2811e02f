import { performance } from 'node:perf_hooks' // what is global under this name is a getter, which costs as much as the clock

/** Milliseconds, by a clock that never goes back. */
export const now = (): number => performance.now()
