import type { FailureFilter, FailureRecord, FailureStatus, Failures } from '../../core/index.js'
import type { FailureDetails, FailureRow, Page, Report } from './answers.js'
import { filterIn, type Given, idsIn, textIn } from './input.js'
import type { DashboardOptions } from './options.js'
import { isOurs, Refusal } from './refusal.js'
import type { Retries } from './retries.js'
import { brief, shown } from './shown.js'

export interface FailuresSettings {
  readonly failures: Failures
  readonly retries: Retries
  readonly mask: DashboardOptions['mask']
}

const pageSize = 50
/** Failures retried in one request. The page goes on asking until none is left, or a person says stop. */
const step = 200
/** Transitions at the same time. */
const atOnce = 10
const open: readonly FailureStatus[] = ['failed', 'rejected', 'interrupted', 'unknown']

/** What the page asks of the failure log. */
export function failuresApi({ failures, retries, mask }: FailuresSettings) {
  const resolveEach = async (ids: readonly string[]): Promise<number> => {
    let done = 0
    for (let from = 0; from < ids.length; from += atOnce) {
      const answers = await Promise.all(ids.slice(from, from + atOnce).map((id) => failures.resolve(id)))
      done += answers.filter(Boolean).length
    }
    retries.changed()
    return done
  }
  return {
    list: async (given: Given): Promise<Page<FailureRow>> => {
      const { items, nextCursor } = await failures.list({ ...filterIn(given), limit: pageSize })
      return { items: items.map(rowOf), nextCursor: nextCursor ?? null }
    },

    get: async (given: Given): Promise<FailureDetails> => {
      const id = textIn(given, 'id') ?? ''
      const record = await failures.get(id)
      if (!record) throw new Refusal(404, 'There is no such failure')
      const { errorMessage, errorStack, requestId, retryOf, registeredAt, lastAttemptAt } = record
      return {
        ...rowOf(record),
        errorMessage,
        errorStack,
        requestId,
        retryOf,
        registeredAt: registeredAt.toISOString(),
        lastAttemptAt: lastAttemptAt?.toISOString() ?? null,
        payload: shown(record.payload, { task: record.task, id }, mask),
      }
    },

    retry: async (given: Given): Promise<Report> => {
      const reasons: string[] = []
      let done = 0
      for (const id of idsIn(given)) {
        try {
          retries.follow(id, await failures.retry(id))
          done++
        } catch (error) {
          if (!isOurs(error)) throw error
          reasons.push(error.message)
        }
      }
      return { done, reasons: counted(reasons), nextCursor: null }
    },

    resolve: async (given: Given): Promise<Report> => {
      const ids = idsIn(given)
      const done = await resolveEach(ids)
      return { done, reasons: done < ids.length ? { [already]: ids.length - done } : {}, nextCursor: null }
    },

    /** `unknown` ones only where nothing else is asked for: their work may be done. */
    retryAll: async (given: Given): Promise<Report> => {
      const filter = openOf(filterIn(given))
      if (!filter) return nothing
      const known = [filter.status ?? []].flat().filter((status) => status !== 'unknown')
      const status = known.length > 0 ? known : (['unknown'] as const)
      const { retried, skipped, nextCursor } = await failures.retryAll({ ...filter, status, limit: step })
      retries.changed()
      const why = retried < step && nextCursor !== undefined && skipped.length < 1_000 ? { [full]: 1 } : {}
      return {
        done: retried,
        reasons: { ...counted(skipped.map(({ reason }) => reason)), ...why },
        nextCursor: nextCursor ?? null,
      }
    },

    resolveAll: async (given: Given): Promise<Report> => {
      const filter = openOf(filterIn(given))
      if (!filter) return nothing
      const { items, nextCursor } = await failures.list({ ...filter, order: 'oldest', limit: step })
      const done = await resolveEach(items.map(({ id }) => id))
      return { done, reasons: {}, nextCursor: nextCursor ?? null }
    },
  }
}

/** The same filter for what nobody has dealt with; nothing where it asks for none of these. */
function openOf({ status, ...filter }: FailureFilter): FailureFilter | undefined {
  const asked = status === undefined ? open : [status].flat().filter((each) => open.includes(each))
  return asked.length === 0 ? undefined : { ...filter, status: asked }
}

const nothing: Report = { done: 0, reasons: {}, nextCursor: null }
const already = 'Somebody has retried or resolved it before.'
const full = 'The pool is full: go on when it has room.'

function rowOf(record: FailureRecord): FailureRow {
  const { id, task, status, errorName, errorMessage, attempts, recordedAt, payload } = record
  const texts = { errorName, errorMessage: brief(errorMessage), recordedAt: recordedAt.toISOString() }
  return { id, task, status, attempts, ...texts, isClosure: payload === null }
}

function counted(reasons: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const reason of reasons) {
    const key = reason.replace(/[\da-f]{8}-[\da-f-]{27}/, '…')
    counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}
