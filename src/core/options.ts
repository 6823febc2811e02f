import type { ContextCarrier } from './context.js'
import { withEvents } from './subscribers.js'
import { OptionsError } from './errors.js'
import type { FailureLog } from './failure-log.js'
import { nearest } from './nearest.js'
import type { Outbox } from './outbox.js'
import { isStandardSchema } from './payload.js'
import { type DefinedTask, isDefinedTask } from './task.js'
import { type Threads, threadsFor } from './threads.js'

/** A pino instance, or anything of its shape. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  fatal(fields: object, message: string): void
  child?(fields: Record<string, unknown>): Logger
  /** Where it is there, nothing is made for a line that would not be written. */
  isLevelEnabled?(level: string): boolean
}

/** Exponential backoff with jitter; names and meaning are p-retry's. */
export interface RetryOptions {
  /** Attempts after the first. @default 3 */
  readonly retries?: number
  /** Milliseconds before the first retry. @default 200 */
  readonly minTimeout?: number
  /** By what each wait is longer than the one before. @default 2 */
  readonly factor?: number
  /** Milliseconds that no wait exceeds. @default 30_000 */
  readonly maxTimeout?: number
  /** Multiplies each wait by a random number from 1 to 2, so that failed tasks do not come back all at once. @default true */
  readonly randomize?: boolean
}

export type Overflow = 'record' | 'refuse' | 'caller-runs' | 'drop-newest' | 'drop-oldest'

/** At most `intervalCap` attempts begin in each `interval` of milliseconds; names and meaning are p-queue's. */
export interface RateLimit {
  readonly intervalCap?: number
  readonly interval?: number
}

/** A bulkhead: what is slow or flooded in one queue does not hold up the others. */
export interface QueueOptions extends RateLimit {
  /** @default the instance's */
  readonly concurrency?: number
  /** @default the instance's */
  readonly maxPending?: number
}

/** What can be set per task as well as per instance. */
export interface TaskOptions {
  /** Merged over the instance's; `false`: one attempt. */
  readonly retry?: RetryOptions | false
  /** Milliseconds for one attempt, then its signal is aborted. `Infinity`: no limit. @default 30_000 */
  readonly timeout?: number
  /**
   * What happens to a task that would exceed `maxPending`. `'record'`: not run, one failure row. `'refuse'`: the registration
   * throws `PoolFullError`, so the transaction rolls back. `'caller-runs'`: runs in the promise of `$transaction`, after its
   * COMMIT. `'drop-newest'`, `'drop-oldest'`: documented loss. @default 'record'
   */
  readonly overflow?: Overflow
  /** The name of one of the instance's `queues`. */
  readonly queue?: string
  /** Stored by the transaction itself, and handled by a relay: survives a crash. Needs an `outbox`. @default false */
  readonly durable?: boolean
}

export interface AfterCommitOptions extends Omit<TaskOptions, 'queue'> {
  /** Attempts that run at the same time. @default 10 */
  readonly concurrency?: number
  /** Tasks waiting, running and backing off together, at most. Each costs memory and is lost in a crash. @default 1_000 */
  readonly maxPending?: number
  /** Pools of their own, by name, for the tasks that name them. */
  readonly queues?: Readonly<Record<string, QueueOptions>>
  /** Where tasks defined with `thread: true` run: `workerThreads()` of `after-commit/threads`. @default none */
  readonly threads?: Threads
  /**
   * Milliseconds that a timed-out attempt may take to heed its signal before its slot is freed, and its thread, where it has one,
   * is ended. @default 1_000
   */
  readonly abortGrace?: number
  /** What a registration without an open transaction does. @default 'run' */
  readonly outsideTransaction?: 'run' | 'warn' | 'throw' | 'discard'
  /** Where a task that failed for good is recorded. Without one, the complete record goes to the logger at `error`. */
  readonly failureLog?: FailureLog
  /** A pino instance or anything of its shape. @default the console, from `warn` upwards */
  readonly logger?: Logger
  /** Called at each registration; its result is on every log line and failure row of the task. */
  readonly requestId?: () => string | undefined
  /** What carries the open transaction along the call chain. @default AsyncLocalStorage */
  readonly context?: ContextCarrier
  /** Where durable tasks are stored: `createOutbox` of `after-commit/outbox`. */
  readonly outbox?: Outbox
  /** The defined tasks that can be run again from the failure log, or by a relay from the outbox; and the subscribers of events. */
  readonly tasks?: readonly DefinedTask[]
}

/** The instance's retry options, then a task's over them; `false` is no retry at all. */
export function mergeRetry(
  base: Required<RetryOptions>,
  over: RetryOptions | false | undefined,
): Required<RetryOptions> {
  if (over === false) return { ...base, retries: 0 }
  const given = Object.entries(over ?? {}).filter(([, value]) => value !== undefined)
  return { ...base, ...(Object.fromEntries(given) as RetryOptions) }
}

export const defaultRetry: Required<RetryOptions> = {
  retries: 3,
  minTimeout: 200,
  factor: 2,
  maxTimeout: 30_000,
  randomize: true,
}

type Rule = readonly [valid: (value: unknown) => boolean, expected: string]

const maxTimer = 2 ** 31 - 1 // setTimeout fires at once for anything longer
const integer = (n: number): Rule => [(v) => Number.isSafeInteger(v) && Number(v) >= n, `an integer from ${n} and up`]
const between = (min: number, max: number): Rule => [
  (v) => typeof v === 'number' && v >= min && v <= max,
  `a number from ${min} to ${max}`,
]
const oneOf = (...values: string[]): Rule => [
  (v) => typeof v === 'string' && values.includes(v),
  `one of ${values.map((value) => `'${value}'`).join(', ')}`,
]
const anObject: Rule = [(v) => typeof v === 'object' && v !== null, 'an object']
const aFunction: Rule = [(v) => typeof v === 'function', 'a function']
const withMethods = (...methods: string[]): Rule => [
  (v) => typeof v === 'object' && v !== null && methods.every((name) => typeof Reflect.get(v, name) === 'function'),
  `an object with ${methods.map((name) => `${name}()`).join(', ')}`,
]

const aBoolean: Rule = [(v) => typeof v === 'boolean', 'a boolean']

const retryRules: Record<string, Rule> = {
  retries: integer(0),
  minTimeout: between(0, maxTimer),
  factor: [(v) => typeof v === 'number' && v > 0 && Number.isFinite(v), 'a positive number'],
  maxTimeout: between(0, maxTimer),
  randomize: aBoolean,
}

const taskRules: Record<string, Rule> = {
  retry: [(v) => v === false || (typeof v === 'object' && v !== null), 'false or an object of retry options'],
  timeout: [(v) => v === Infinity || between(1, maxTimer)[0](v), `a number from 1 to ${maxTimer}, or Infinity`],
  durable: aBoolean,
  overflow: oneOf('record', 'refuse', 'caller-runs', 'drop-newest', 'drop-oldest'),
}

const queueRules: Record<string, Rule> = {
  concurrency: integer(1),
  maxPending: integer(1),
  intervalCap: integer(1),
  interval: between(1, maxTimer),
}

const instanceRules: Record<string, Rule> = {
  ...taskRules,
  queues: anObject,
  threads: [withMethods('open')[0], 'made by workerThreads() of after-commit/threads'],
  concurrency: integer(1),
  maxPending: integer(1),
  abortGrace: between(0, maxTimer),
  outsideTransaction: oneOf('run', 'warn', 'throw', 'discard'),
  failureLog: withMethods('check', 'write', 'list', 'get', 'transition', 'purge'),
  logger: withMethods('debug', 'info', 'warn', 'error', 'fatal'),
  requestId: aFunction,
  context: withMethods('run', 'get', 'capture'),
  outbox: withMethods('message', 'insert', 'statement', 'wake'),
  tasks: [(v) => Array.isArray(v) && v.every(isDefinedTask), 'an array of defined tasks'],
}

export function validateOptions(options: AfterCommitOptions): void {
  validate(options, instanceRules)
  for (const [name, queue] of Object.entries(options.queues ?? {})) {
    validate(queue, queueRules, `queues.${name}.`)
    if ((queue.intervalCap === undefined) !== (queue.interval === undefined)) {
      throw OptionsError.expected(`queues.${name}`, 'given both of intervalCap and interval, or none', queue)
    }
  }
  for (const task of options.tasks ?? []) {
    knownQueue(options, task.options.queue)
    if (task.module) threadsFor(options.threads, task.name)
  }
  const durable = [options, ...(options.tasks ?? []).map((task) => task.options)].some((each) => each.durable)
  if (durable && !options.outbox) throw OptionsError.expected('outbox', needed, undefined)
  const names = withEvents(options.tasks).map((task) => task.name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw OptionsError.expected('tasks', 'defined tasks and events with different names', twice)
}

/** What a durable task without an outbox is refused with. */
export const needed = 'what createOutbox returned, because a task is durable'

/** The options of the queue that a task names, or the instance's own. @throws OptionsError for a name that it does not have. */
export function knownQueue(options: AfterCommitOptions, name: string | undefined): QueueOptions {
  if (name === undefined) return {}
  const queues = options.queues ?? {}
  if (Object.hasOwn(queues, name)) return queues[name] ?? {}
  const names = Object.keys(queues).join(', ') || 'it has none'
  throw OptionsError.expected('queue', `one of the instance's queues (${names})`, name)
}

export function validateTaskOptions(options: TaskOptions): void {
  validate(options, {
    ...taskRules,
    queue: [(v) => typeof v === 'string', 'the name of a queue'],
    key: aFunction,
    schema: [isStandardSchema, 'a Standard Schema'],
    thread: aBoolean,
  })
  if ('thread' in options && options.thread === true && options.queue !== undefined) {
    const why = 'left out with `thread: true`: threads have a queue of their own'
    throw OptionsError.expected('queue', why, options.queue)
  }
}

function validate(options: object, rules: Record<string, Rule>, prefix = ''): void {
  if (typeof options !== 'object' || options === null) {
    throw OptionsError.expected(prefix.slice(0, -1) || 'options', 'an object', options)
  }
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined
    if (!rule) {
      throw new OptionsError(
        `Unknown option \`${prefix}${name}\`. Did you mean \`${prefix}${nearest(name, Object.keys(rules))}\`?`,
      )
    }
    if (value === undefined) continue
    if (!rule[0](value)) throw OptionsError.expected(prefix + name, rule[1], value)
    if (name === 'retry' && value !== false) validate(value as object, retryRules, 'retry.')
  }
}
