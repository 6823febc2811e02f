import type { FailureQuery, FailureRecord, FailureStatus, PurgeQuery } from '../core/failure-log.js'

type Place = Pick<FailureRecord, 'recordedAt' | 'id'>

/** Failures by their id, in the order of their writing. */
export type Rows = Map<string, FailureRecord>

export function selectRows(
  rows: Rows,
  { status, task, since, until, order, limit, after }: FailureQuery,
): FailureRecord[] {
  const compare = order === 'newest' ? (a: Place, b: Place) => inTime(b, a) : inTime
  const found: FailureRecord[] = []
  for (const row of rows.values()) {
    if (status && !status.includes(row.status)) continue
    if (task !== undefined && row.task !== task) continue
    if (since && row.recordedAt < since) continue
    if (until && row.recordedAt >= until) continue
    if (after && compare(row, after) <= 0) continue
    found.push(row)
  }
  return found.toSorted(compare).slice(0, limit)
}

/** The rows that a purge takes away in one step. */
export function rowsToPurge(rows: Rows, { before, status, limit }: PurgeQuery): FailureRecord[] {
  const found: FailureRecord[] = []
  for (const row of rows.values()) {
    if (found.length >= limit) break
    if (row.recordedAt < before && status.includes(row.status)) found.push(row)
  }
  return found
}

/** Whether the row is there and has one of these statuses. */
export function hasStatus(rows: Rows, id: string, from: readonly FailureStatus[]): boolean {
  const row = rows.get(id)
  return row !== undefined && from.includes(row.status)
}

export function changeStatus(rows: Rows, id: string, status: FailureStatus): void {
  const row = rows.get(id)
  if (row) rows.set(id, { ...row, status })
}

function inTime(a: Place, b: Place): number {
  const apart = a.recordedAt.getTime() - b.recordedAt.getTime()
  if (apart !== 0) return apart
  return a.id < b.id ? -1 : Number(a.id > b.id)
}
