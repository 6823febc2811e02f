import { withEvents } from './subscribers.js'
import { storedParts } from './define-task.js'
import { NotRetryableError, OptionsError, PoolFullError } from './errors.js'
import { type FailureLog, type FailureRecord, type FailureStatus, openStatuses, storedName } from './failure-log.js'
import type { DefinedTask, TaskHandle, TaskParts } from './task.js'

/** Which failures; all conditions hold together, and none means all failures. */
export interface FailureFilter {
  readonly status?: FailureStatus | readonly FailureStatus[]
  /** The name of the task. */
  readonly task?: string
  /** Recorded then or later. */
  readonly since?: Date
  /** Recorded before that. */
  readonly until?: Date
  /** Where to go on: the `nextCursor` of the answer before, with the same conditions. */
  readonly cursor?: string
}

export interface FailurePage {
  readonly items: readonly FailureRecord[]
  /** There are more. A record that is stored meanwhile neither shifts the next page nor is missed by one newest-first listing. */
  readonly nextCursor: string | undefined
}

export interface RetryReport {
  readonly retried: number
  /** Those that cannot be retried, 1_000 at most, with the reason. */
  readonly skipped: readonly { readonly id: string; readonly reason: string }[]
  /** There may be more: the pool is full, `limit` is reached, or 1_000 were skipped. */
  readonly nextCursor: string | undefined
}

/** What to do with failures. Every method rejects with an `OptionsError` where there is no failure log. */
export interface Failures {
  /** A page of failures. `limit`: 1 to 1_000, @default 100. `order`: by the time of recording, @default 'newest' first. */
  list(query?: FailureFilter & { readonly order?: 'newest' | 'oldest'; readonly limit?: number }): Promise<FailurePage>
  get(id: string): Promise<FailureRecord | undefined>
  /**
   * Runs a defined task again with its stored payload: under a new id, outside any transaction. The failure is `retried` from
   * then on, which only one caller, of all processes, can bring about; if the task fails again its new row says `retryOf`.
   * A process that dies before the task has ended leaves it `retried`, with no such row.
   * @throws NotRetryableError, the row staying as it is: no such failure, a closure, a task that is not in `tasks`, or one
   *   that has been retried or resolved. PoolFullError, nothing being changed. ClosedError after `close()`.
   */
  retry(id: string): Promise<TaskHandle>
  /**
   * Retries what matches, the oldest first, until the pool is full. What fails again meanwhile is not retried once more.
   * A full pool has no place for other tasks either: choose a quiet moment, or give the task a queue of its own.
   * `status`: @default failed, rejected and interrupted; `unknown` ones only where they are asked for.
   * `limit`: how many at most in this call, 1 to 1_000, @default no limit.
   */
  retryAll(filter?: FailureFilter & { readonly limit?: number }): Promise<RetryReport>
  /** Says that a person has dealt with it. Answers false where somebody has before, or there is none. */
  resolve(id: string): Promise<boolean>
  /**
   * Deletes what was recorded before that time, in steps of `limit` (@default 1_000) rows, and answers how many they were.
   * `status`: @default retried and resolved, so that what nobody has dealt with goes only when it is named.
   */
  purge(query: {
    readonly before: Date
    readonly status?: FailureFilter['status']
    readonly limit?: number
  }): Promise<number>
}

export interface FailuresSettings {
  readonly log: FailureLog | undefined
  readonly tasks: readonly DefinedTask[]
  /** Keeps a place in the pool, then claims, then runs. */
  readonly rerun: (parts: TaskParts, claim: () => Promise<void>) => Promise<TaskHandle>
}

export function failuresOf({ log, tasks, rerun }: FailuresSettings): Failures {
  const store = (): FailureLog => {
    if (!log) throw new OptionsError('There is no failure log: give `createAfterCommit` the option `failureLog`')
    return log
  }

  const list: Failures['list'] = async (query = {}) => {
    const { status, task, since, until, cursor, order = 'newest', limit = 100 } = query
    if (since) checkDate('since', since)
    if (until) checkDate('until', until)
    checkLimit(limit)
    const after = cursor === undefined ? undefined : placeOf(cursor)
    const statuses = status && statusesOf(status)
    const found = await store().list({ status: statuses, task, since, until, order, after, limit: limit + 1 })
    const page = found.slice(0, limit)
    const last = found.length > limit ? page.at(-1) : undefined
    // A collation may take A for a.
    const items = task === undefined ? page : page.filter((record) => record.task === task)
    return { items, nextCursor: last && cursorOf(last) }
  }

  const retry = async ({ id, task: name, status, payload }: FailureRecord): Promise<TaskHandle> => {
    if (!isOpen(status)) throw new NotRetryableError(`The failure ${id} has been ${status} already.`)
    if (payload === null) {
      throw new NotRetryableError(
        `\`${name}\` is a closure, which cannot be stored. Make it a task with \`defineTask\`.`,
      )
    }
    const task = withEvents(tasks).find((each) => storedName(each.name) === name)
    if (!task) {
      const known = tasks.map((each) => `\`${each.name}\``).join(', ') || 'none'
      throw new NotRetryableError(`\`${name}\` is not in the option \`tasks\`, which has ${known}. Add it there.`)
    }
    return await rerun(storedParts(task, payload, id), async () => {
      if (await store().transition(id, [status], 'retried')) return
      throw new NotRetryableError(`Somebody else has retried or resolved the failure ${id} at the same moment.`)
    })
  }

  return {
    list,
    get: async (id) => await store().get(id),
    async retry(id) {
      const record = await store().get(id)
      if (!record) throw new NotRetryableError(`There is no failure with the id ${id}.`)
      return await retry(record)
    },
    async retryAll({ cursor = start, status = retriedByDefault, until, limit, ...filter } = {}) {
      if (limit !== undefined) checkLimit(limit)
      const began = Date.now()
      const end = new Date(Math.min(until?.getTime() ?? Infinity, began + 1))
      const skipped: { id: string; reason: string }[] = []
      let retried = 0
      for (let place: string | undefined = cursor; place !== undefined;) {
        const page: FailurePage = await list({ ...filter, status, until: end, order: 'oldest', cursor: place })
        for (const record of page.items) {
          try {
            // Of this very millisecond, it may be what has just failed again.
            if (record.retryOf === null || record.registeredAt.getTime() < began) {
              await retry(record)
              retried++
            }
          } catch (error) {
            if (error instanceof PoolFullError) return { retried, skipped, nextCursor: place }
            if (!(error instanceof NotRetryableError)) throw error
            skipped.push({ id: record.id, reason: error.message })
          }
          place = cursorOf(record)
          if (skipped.length === 1_000 || retried === limit) return { retried, skipped, nextCursor: place }
        }
        place = page.nextCursor
      }
      return { retried, skipped, nextCursor: undefined }
    },
    resolve: async (id) =>
      (await store().get(id)) !== undefined && (await store().transition(id, openStatuses, 'resolved')),
    async purge({ before, status = ['retried', 'resolved'], limit = 1_000 }) {
      checkDate('before', before)
      checkLimit(limit)
      let purged = 0
      let step: number
      do {
        step = await store().purge({ before, status: statusesOf(status), limit })
        purged += step
        await new Promise((resolve) => setImmediate(resolve))
      } while (step > 0)
      return purged
    },
  }
}

const retriedByDefault = ['failed', 'rejected', 'interrupted'] as const

const isOpen = (status: FailureStatus): boolean => (openStatuses as readonly string[]).includes(status)

function statusesOf(given: FailureStatus | readonly FailureStatus[]): readonly FailureStatus[] {
  const known: readonly FailureStatus[] = [...openStatuses, 'retried', 'resolved']
  const statuses = typeof given === 'string' ? [given] : given
  const wrong = statuses.find((status) => !known.includes(status))
  if (wrong !== undefined) throw OptionsError.expected('status', `one of ${known.join(', ')}`, wrong)
  return statuses
}

function checkDate(name: string, date: Date): void {
  if (!(date instanceof Date && date.getTime() >= 0)) throw OptionsError.expected(name, 'a valid Date', date)
}

function checkLimit(limit: number): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1_000) return
  throw OptionsError.expected('limit', 'an integer from 1 to 1_000', limit)
}

type Place = Pick<FailureRecord, 'recordedAt' | 'id'>

const cursorOf = ({ recordedAt, id }: Place): string => `${recordedAt.toISOString()}_${id}`
/** Before the oldest. */
const start = cursorOf({ recordedAt: new Date(0), id: '' })

function placeOf(cursor: string): Place {
  const [time = '', ...id] = cursor.split('_')
  const recordedAt = new Date(time)
  if (Number.isNaN(recordedAt.getTime())) throw OptionsError.expected('cursor', 'the `nextCursor` of a page', cursor)
  return { recordedAt, id: id.join('_') }
}
