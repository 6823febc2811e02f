// Time limits that are over when the test says so, and not by the clock: what must happen before, has happened.
import type { TestContext } from 'node:test'

export interface HeldTimers {
  /** The time of those that run now is over. Answers how many milliseconds each was for. */
  readonly expire: () => number[]
}

/** From now on the test has timers of `limit` milliseconds, or up to a second less, in its hand. All others go by the clock. */
export function holdTimers(t: TestContext, limit: number): HeldTimers {
  const held = new Map<unknown, { readonly delay: number; readonly run: () => void }>()
  const { setTimeout: set, clearTimeout: clear } = globalThis
  const hold = (run: (...args: unknown[]) => void, delay?: number, ...args: unknown[]): unknown => {
    const timer = set(run, delay, ...args)
    if (delay !== undefined && delay <= limit && delay > limit - 1_000)
      held.set(timer, { delay, run: () => run(...args) })
    return timer
  }
  t.mock.method(globalThis, 'setTimeout', hold as typeof set)
  t.mock.method(globalThis, 'clearTimeout', (timer: Parameters<typeof clear>[0]) => {
    held.delete(timer)
    clear(timer)
  })
  return {
    expire: () =>
      [...held].map(([timer, { delay, run }]) => {
        held.delete(timer)
        clear(timer as Parameters<typeof clear>[0])
        run()
        return delay
      }),
  }
}
