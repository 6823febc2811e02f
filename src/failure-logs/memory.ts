import type { FailureLog } from '../core/failure-log.js'
import { changeStatus, hasStatus, type Rows, rowsToPurge, selectRows } from './rows.js'

export interface MemoryFailureLogOptions {
  /** Records kept at most; beyond it the one that was written first goes. @default 10_000 */
  readonly limit?: number
}

/** Keeps failures in memory, for tests. They end with the process. */
export function memoryFailureLog({ limit = 10_000 }: MemoryFailureLogOptions = {}): FailureLog {
  const rows: Rows = new Map()
  return {
    check: () => Promise.resolve(),
    write(records) {
      for (const record of records) if (!rows.has(record.id)) rows.set(record.id, record)
      for (const id of rows.keys()) {
        if (rows.size <= limit) break
        rows.delete(id)
      }
      return Promise.resolve()
    },
    list: (query) => Promise.resolve(selectRows(rows, query)),
    get: (id) => Promise.resolve(rows.get(id)),
    transition(id, from, to) {
      const changes = hasStatus(rows, id, from)
      if (changes) changeStatus(rows, id, to)
      return Promise.resolve(changes)
    },
    purge(query) {
      const purged = rowsToPurge(rows, query)
      for (const { id } of purged) rows.delete(id)
      return Promise.resolve(purged.length)
    },
  }
}
