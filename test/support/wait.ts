import { setTimeout as delay } from 'node:timers/promises'

/** No test gets near it, and the time that a test may take in all is longer. */
const ofATest = 45_000

type Truthy<T> = Exclude<T, false | 0 | '' | null | undefined>

/** Asks until the answer is truthy, and returns it. */
export const until = <T>(condition: () => T | Promise<T>): Promise<Truthy<T>> => untilWithin(ofATest, condition)

/** Rejects after `patience` milliseconds. */
export async function untilWithin<T>(patience: number, condition: () => T | Promise<T>): Promise<Truthy<T>> {
  const deadline = performance.now() + patience
  for (;;) {
    const answer = await condition()
    if (answer) return answer as Truthy<T>
    if (performance.now() > deadline) throw new Error(`Not true after ${patience} ms: ${condition.toString()}`)
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
