import type { AfterCommit } from '../core/face.js'
import { OptionsError } from '../core/errors.js'
import type { RetryOptions } from '../core/options.js'
import type { PgPool } from './pg-pool.js'
import type { PgListener } from './listener.js'
import type { Retention } from './retention.js'

export interface RelayOptions {
  /** The instance whose `outbox` it reads and whose `tasks` it runs. */
  readonly afterCommit: AfterCommit
  /** Handlers that run at the same time. @default 10 */
  readonly concurrency?: number
  /** Messages claimed at once, at most; fewer while handlers take long, so that none waits for hours here. @default 100 */
  readonly batch?: number
  /** Milliseconds after which the messages of a relay that has died are taken over. Renewed while it lives. @default 30_000 */
  readonly lease?: number
  /** Milliseconds between two looks at an idle table, at most. Messages of this process are seen at once. @default 1_000 */
  readonly pollInterval?: number
  /** Attempts until a message is dead. A task that says `retry.retries` has one more than that. @default 10 */
  readonly maxAttempts?: number
  /** The backoff between attempts, kept in the table. A task's own `retry` is merged over it. @default 1 s, doubled up to 10 min */
  readonly retry?: Omit<RetryOptions, 'retries'>
  /** Milliseconds for one attempt, then its signal is aborted; a task's own counts more. @default 30_000 */
  readonly timeout?: number
  /** Milliseconds that a timed-out attempt may take to heed its signal. @default 1_000 */
  readonly abortGrace?: number
  /** Milliseconds that a message waits for a relay that knows its task, before it is dead. @default 3_600_000 */
  readonly unknownTaskGrace?: number
  /** What becomes of messages that have been handled. @default 'delete' */
  readonly retention?: Retention
  /** A pool of `pg` for the relay's own statements: cheaper than through Prisma, and apart from the application's connections. */
  readonly pool?: PgPool
  /**
   * Makes a client of `pg` for a connection that listens to the outbox's `notify` option of other processes; connected here, and
   * made anew where the connection is lost. With it `pollInterval` may be long. @default none
   */
  readonly listen?: () => PgListener
}

export type RelaySettings = Required<Omit<RelayOptions, 'pool' | 'listen' | 'retry'>> & {
  readonly pool: PgPool | undefined
  readonly listen: (() => PgListener) | undefined
  readonly retry: Required<Omit<RetryOptions, 'retries'>>
}

const integers = ['concurrency', 'batch', 'maxAttempts'] as const
const durations = ['lease', 'pollInterval', 'timeout', 'abortGrace', 'unknownTaskGrace'] as const
const maxTimer = 2 ** 31 - 1
const backoff = { minTimeout: 1_000, factor: 2, maxTimeout: 600_000, randomize: true }

const defaults = {
  concurrency: 10,
  batch: 100,
  lease: 30_000,
  pollInterval: 1_000,
  maxAttempts: 10,
  timeout: 30_000,
  abortGrace: 1_000,
  unknownTaskGrace: 3_600_000,
  retention: 'delete',
  pool: undefined,
  listen: undefined,
} as const

/** @throws OptionsError for a wrong value or an unknown name. */
export function relaySettings(options: RelayOptions): RelaySettings {
  const { retry, ...given } = options
  const settings: RelaySettings = {
    ...defaults,
    ...withoutUndefined(given),
    retry: { ...backoff, ...withoutUndefined(retry ?? {}) },
  }
  const unknown = Object.keys(options).find(
    (name) => !['afterCommit', 'retry', ...Object.keys(defaults)].includes(name),
  )
  if (unknown !== undefined) throw new OptionsError(`Unknown option \`${unknown}\` of createRelay`)
  for (const name of integers) {
    if (!(Number.isSafeInteger(settings[name]) && settings[name] >= 1)) {
      throw OptionsError.expected(name, 'an integer from 1 and up', settings[name])
    }
  }
  for (const name of durations) {
    const least = name === 'lease' ? 100 : name === 'pollInterval' || name === 'timeout' ? 1 : 0
    if (!(
      settings[name] >= least &&
      (settings[name] <= maxTimer || (name === 'timeout' && settings[name] === Infinity))
    )) {
      throw OptionsError.expected(name, `a number of milliseconds from ${least} to ${maxTimer}`, settings[name])
    }
  }
  const { retention, pool, listen } = settings
  const after = typeof retention === 'object' ? retention.after : 0
  if ((typeof retention !== 'object' && retention !== 'delete' && retention !== 'keep') || !(after >= 0)) {
    throw OptionsError.expected('retention', `'delete', 'keep' or { after: milliseconds }`, retention)
  }
  if (pool !== undefined && typeof (pool as Partial<PgPool>).query !== 'function') {
    throw OptionsError.expected('pool', 'a pool of pg', pool)
  }
  if (listen !== undefined && typeof listen !== 'function') {
    throw OptionsError.expected('listen', 'a function that makes a client of pg', listen)
  }
  return settings
}

function withoutUndefined<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never
}
