import { OptionsError } from '../core/errors.js'
import type { FailureLog } from '../core/failure-log.js'
import { Journal } from './journal.js'
import { hasStatus, rowsToPurge, selectRows } from './rows.js'

export interface FileFailureLogOptions {
  /** Bytes that a file may have before the next one is begun; a single longer line is a file of its own. @default 10_000_000 */
  readonly maxBytes?: number
  /** Full files that are kept. The oldest one beyond it is deleted, with open failures that are still in it. @default 9 */
  readonly keep?: number
}

/**
 * Keeps failures in a file of JSON lines, one for each failure and for each change of its status; full files are renamed to
 * `path.1`, `path.2`, the highest being the newest. For one process: two would retry the same failure. Several instances in
 * it may share the file. A line that a crash has torn is passed over, and what follows it is read.
 *
 * All failures are also in memory, `maxBytes * (keep + 1)` bytes of text at most. Reading and writing are synchronous: a batch
 * of 100 failures takes a millisecond or two, reading 50_000 failures at the start about half a second. A write or a change
 * resolves when it is on the disk (fdatasync, which does not hold the event loop), so it survives a power failure.
 *
 * @throws OptionsError for a wrong option.
 */
export function fileFailureLog(path: string, options: FileFailureLogOptions = {}): FailureLog {
  const { maxBytes = 10_000_000, keep = 9 } = options
  if (typeof path !== 'string' || path === '') throw OptionsError.expected('path', 'a path', path)
  // A file is read as one string, and a string has no room for more.
  if (!(maxBytes >= 1 && maxBytes <= 5e8)) throw OptionsError.expected('maxBytes', 'a number from 1 to 5e8', maxBytes)
  if (!(keep >= 0)) throw OptionsError.expected('keep', 'a number from 0 and up', keep)
  const journal = new Journal(path, maxBytes, keep)
  let purged = false
  /** Runs `use` on what is in the file now, with nothing in between. */
  const now = async <T>(use: () => T): Promise<T> => {
    await Promise.resolve() // what it throws is a rejection
    journal.read()
    return use()
  }
  return {
    check: () => now(() => journal.add([])),
    async write(records) {
      await now(() => journal.add(records.filter(({ id }) => !journal.rows.has(id))))
      await journal.flush()
    },
    list: (query) => now(() => selectRows(journal.rows, query)),
    get: (id) => now(() => journal.rows.get(id)),
    async transition(id, from, status) {
      const changes = await now(() => {
        const found = hasStatus(journal.rows, id, from)
        if (found) journal.add([{ id, status }])
        return found
      })
      if (changes) await journal.flush()
      return changes
    },
    async purge(query) {
      const rows = await now(() => {
        const found = rowsToPurge(journal.rows, query)
        journal.add(found.map(({ id }) => ({ id, status: 'purged' })))
        return found
      })
      await journal.flush()
      purged ||= rows.length > 0
      if (purged && rows.length < query.limit) {
        purged = false
        await journal.compact()
      }
      return rows.length
    },
  }
}
