import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { fileFailureLog, memoryFailureLog } from '../../src/failure-logs/index.js'
import { prismaFailureLog } from '../../src/index.js'
import { failureLogSuite } from '../../src/testing/failure-log-suite.js'
import { forEachDatabase } from '../support/databases.js'

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
    const create = async () => {
      await db.reset()
      const clients = [db.newClient(), db.newClient()]
      let opened = 0
      return () => {
        const client = clients[opened++ % 2]
        return prismaFailureLog(() => client ?? {})
      }
    }
    failureLogSuite({ describe, test, create })
  })
})

function createMemory() {
  const log = memoryFailureLog({ limit: 100_000 })
  return Promise.resolve(() => log)
}
