import { setTimeout as delay } from 'node:timers/promises'

const patience = 60_000

/** Asks every few milliseconds until the answer is yes. Rejects after a minute. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + patience
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`After a minute it is still not so: ${what}`)
    await delay(20)
  }
}
