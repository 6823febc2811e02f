import { setTimeout as delay } from 'node:timers/promises'

/** Asks until the answer is truthy, and returns it. Rejects after `timeout` milliseconds. */
export async function until<T>(
  condition: () => T | Promise<T>,
  { timeout = 5_000 }: { timeout?: number } = {},
): Promise<Exclude<T, false | 0 | '' | null | undefined>> {
  const deadline = performance.now() + timeout
  for (;;) {
    const answer = await condition()
    if (answer) return answer as Exclude<T, false | 0 | '' | null | undefined>
    if (performance.now() > deadline) throw new Error(`Not true after ${timeout} ms: ${condition.toString()}`)
    await delay(5)
  }
}

export interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(reason: unknown): void
}

/** A promise that the test settles itself. */
export function deferred<T = void>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (reason: unknown) => void
  const promise = new Promise<T>((resolvePromise, rejectPromise) => {
    resolve = resolvePromise
    reject = rejectPromise
  })
  return { promise, resolve, reject }
}
