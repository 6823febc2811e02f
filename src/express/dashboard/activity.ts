import { Durations } from './durations.js'

/** Milliseconds of one point of a chart, and how many points it has. */
export const point = { length: 2_000, count: 150 } as const

export const pointAt = (time: number): number => Math.floor(time / point.length)

interface Bucket {
  at: number
  succeeded: number
  failed: number
  durations: Durations
}

/** When (in points), attempts that succeeded, those that failed, and how long half of them and 95 of 100 took at most. */
export type Point = readonly [at: number, succeeded: number, failed: number, p50: number | null, p95: number | null]

export interface Summary {
  readonly name: string
  readonly succeeded: number
  /** Attempts that failed. */
  readonly failed: number
  readonly p50: number | null
  readonly p95: number | null
  readonly points: readonly Point[]
}

/** The attempts of one task in the last minutes. It needs no timer: a place of the ring says which point it holds. */
export class Activity {
  readonly #ring: Bucket[] = []

  add(at: number, outcome: 'succeeded' | 'failed', milliseconds: number | undefined): void {
    const bucket = this.#bucket(at)
    bucket[outcome]++
    if (milliseconds !== undefined) bucket.durations.add(milliseconds)
  }

  /** What happened in the window that ends with the point `at`; nothing if there was nothing. Points from `since` on. */
  summary(name: string, at: number, since: number): Summary | undefined {
    const window = this.#ring.filter((bucket) => bucket.at > at - point.count).toSorted((a, b) => a.at - b.at)
    if (window.length === 0) return undefined
    const all = new Durations()
    let succeeded = 0
    let failed = 0
    for (const bucket of window) {
      succeeded += bucket.succeeded
      failed += bucket.failed
      all.addAll(bucket.durations)
    }
    const points = window.filter((bucket) => bucket.at >= since).map(pointOf)
    return { name, succeeded, failed, p50: all.quantile(0.5), p95: all.quantile(0.95), points }
  }

  #bucket(at: number): Bucket {
    const place = at % point.count
    const found = this.#ring[place]
    if (found?.at === at) return found
    return (this.#ring[place] = { at, succeeded: 0, failed: 0, durations: new Durations() })
  }
}

function pointOf({ at, succeeded, failed, durations }: Bucket): Point {
  return [at, succeeded, failed, durations.quantile(0.5), durations.quantile(0.95)]
}
