import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach } from 'node:test'
import { Cleanup } from '../../src/app/demo/cleanup.js'
import { createDatabases } from '../../src/app/lab/databases.js'
import { type Lab, openLab } from '../../src/app/lab/open-lab.js'

/** For the tests of one file: makes labs whose databases are closed and removed, and whose processes end, after each test. */
export async function labs(): Promise<() => Lab> {
  const folder = await mkdtemp(join(tmpdir(), 'after-commit-lab-test-'))
  const createDatabase = createDatabases(folder)
  const cleanup = new Cleanup()
  afterEach(() => cleanup.run())
  after(() => rm(folder, { recursive: true, force: true }))
  return () => openLab({ folder, createDatabase, cleanup })
}
