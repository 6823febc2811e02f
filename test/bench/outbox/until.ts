import { setTimeout as delay } from 'node:timers/promises'

/** A figure of one that loses messages counts for nothing. */
export class LostError extends Error {}

export function lost(what: string): never {
  throw new LostError(what)
}

/** @returns Whether it came true within a minute. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<boolean> {
  const end = performance.now() + 60_000
  for (;;) {
    if (await condition()) return true
    if (performance.now() > end) return false
    await delay(1)
  }
}
