import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { PrismaClient } from '../../prisma/client/sqlite/client.js'
import { fileFailureLog, memoryFailureLog } from '../../src/failure-logs/index.js'
import { createAfterCommit, defineTask, prismaFailureLog } from '../../src/index.js'
import { failureLogSuite } from '../../src/testing/failure-log-suite.js'
import { forEachDatabase } from '../support/databases.js'
import { recordingLogger } from '../support/recorders.js'
import { record } from './record.js'

describe('Rule 28: every store of failures passes one suite', () => {
  describe('memoryFailureLog', () => {
    failureLogSuite({ describe, test, create: createMemory })
  })

  describe('fileFailureLog', () => {
    const folders: string[] = []
    after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))))
    const create = async () => {
      const folder = await mkdtemp(join(tmpdir(), 'after-commit-failures-'))
      folders.push(folder)
      // Small files, so that everything is spread over several.
      return () => fileFailureLog(join(folder, 'log/failures.ndjson'), { maxBytes: 100_000, keep: 1_000 })
    }
    failureLogSuite({ describe, test, create })
  })

  describe('prismaFailureLog', () => {
    forEachDatabase((db) => {
      let clients: PrismaClient[] = []
      before(() => {
        clients = [db.newClient(), db.newClient()]
      })
      const create = async () => {
        await db.reset()
        let opened = 0
        return () => {
          const client = clients[opened++ % 2]
          return prismaFailureLog(() => client ?? {})
        }
      }
      failureLogSuite({ describe, test, create })

      test('two purges at once, beside retries that fail again, cost no failure and cause no error', async () => {
        await db.reset()
        const log = recordingLogger()
        const task = defineTask('pays', (n: number) => {
          if (n % 2 === 0) throw new Error('boom')
        })
        const open = () => {
          const client = db.newClient()
          const failureLog = prismaFailureLog(() => client)
          return createAfterCommit({ logger: log, retry: false, tasks: [task], failureLog })
        }
        const [purges, retries] = [
          [open(), open()],
          [open(), open()],
        ]
        const client = db.newClient()
        const records = Array.from({ length: 600 }, (_, n) => record({ task: 'pays', payload: String(n) }))
        await prismaFailureLog(() => client).write(records)

        const retried = new AbortController()
        const purging = purges.map(async ({ failures }) => {
          let purged = 0
          while (!retried.signal.aborted) purged += await failures.purge({ before: new Date(), limit: 20 })
          return purged
        })
        await Promise.all(retries.map(({ failures }) => failures.retryAll()))
        await Promise.all(retries.map((each) => each.idle()))
        retried.abort()
        const purged = await Promise.all(purging)

        assert.deepEqual(log.at('fatal'), [])
        const left = await db.query<{ status: string }>('SELECT "status" FROM "TaskFailure"')
        assert.equal(left.filter(({ status }) => status === 'failed').length, 300)
        const done = left.filter(({ status }) => status === 'retried').length
        assert.equal((purged[0] ?? 0) + (purged[1] ?? 0) + done, 600)
      })
    })
  })
})

function createMemory() {
  const log = memoryFailureLog({ limit: 100_000 })
  return Promise.resolve(() => log)
}
