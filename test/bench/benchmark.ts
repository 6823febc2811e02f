// What a benchmark is. Each round of each contestant is a process of its own, in which `round` is called once.
import { GCProfiler, type GCProfilerResult } from 'node:v8'

/** `BENCH_ONCE=1`: one short round of everything, to see that it works. */
export const once = process.env['BENCH_ONCE'] === '1'

/** What one round measured, by name of the measure. */
export type Figures = Readonly<Record<string, number>>

/** A line of the table. */
export interface Comparison {
  readonly measure: string
  readonly unit: string
  readonly ours: string
  /** Whom it is compared with; nobody: the figure must stand for itself. */
  readonly theirs?: string | undefined
  /** At most this: of the ratio or, where it is compared with nobody, of the figure. */
  readonly bar?: number | undefined
  /** At least this. */
  readonly least?: number | undefined
}

export interface Benchmark {
  readonly title: string
  readonly contestants: readonly string[]
  /** Parts of a round, each in a process of its own, too. @default one without a name */
  readonly parts?: readonly string[]
  readonly rounds: number
  readonly comparisons: readonly Comparison[]
  /** Columns of a second table, which has a row for each contestant. */
  readonly overview?: readonly Pick<Comparison, 'measure' | 'unit'>[]
  /** Whether it needs a PostgreSQL database: `databaseUrl()` then says where it is. */
  readonly needsDatabase?: boolean
  /** Why a contestant cannot be measured here; nothing where it can. */
  readonly unavailable?: (contestant: string) => Promise<string | undefined>
  round(contestant: string, part: string): Promise<Figures>
}

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export function spread(figures: readonly number[]): Spread {
  const sorted = figures.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  const at = (index: number): number => sorted[index] ?? NaN
  const median = (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2
  return { median, min: at(0), max: at(sorted.length - 1) }
}

export function quantile(figures: readonly number[], q: number): number {
  const sorted = figures.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] ?? NaN
}

/** Microseconds of CPU time of the process while `fn` runs, so that a busy machine changes little. */
export async function cpuTime(fn: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage()
  await fn()
  const { system, user } = process.cpuUsage(before)
  return system + user
}

/** Bytes by which collections of the young generation make the old one grow while `fn` runs: what outlives it is what they cost. */
export async function promoted(fn: () => Promise<void>): Promise<number> {
  const profiler = new GCProfiler()
  profiler.start()
  await fn()
  const collections = profiler.stop().statistics
  const grown = collections
    .filter(({ gcType }) => gcType === 'Scavenge')
    .map(({ beforeGC, afterGC }) => oldSpace(afterGC) - oldSpace(beforeGC))
  return grown.reduce((sum, bytes) => sum + bytes, 0)
}

const oldSpace = ({ heapSpaceStatistics }: GCProfilerResult['statistics'][number]['beforeGC']): number =>
  heapSpaceStatistics.find(({ spaceName }) => spaceName === 'old_space')?.spaceUsedSize ?? NaN

/** Bytes that are reachable. */
export async function heapUsed(): Promise<number> {
  await collect()
  return process.memoryUsage().heapUsed
}

/** Collects, and then warms up once more: V8 has dropped the code that was compiled for objects of which none is left. */
export async function startAfresh(warmUp: () => Promise<void>): Promise<void> {
  await collect()
  await warmUp()
}

/** Several times, with a turn in between: some things let go of others only after they have been collected. */
export async function collect(times = 4): Promise<void> {
  if (!gc) throw new Error('Expected node --expose-gc')
  for (let n = 0; n < times; n++) {
    gc()
    await new Promise((resolve) => setImmediate(resolve))
  }
}
