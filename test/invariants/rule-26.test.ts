import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { forEachDatabase } from '../support/databases.js'
import { rowsOf } from '../support/watched.js'

const child = fileURLToPath(new URL('rule-26.child.ts', import.meta.url))

describe('Rule 26: a SIGKILL or a crash loses what is pending in memory', () => {
  forEachDatabase(
    (db) => {
      test('the row is committed, its tasks are gone, and no row says so', async () => {
        await db.reset()
        const killed = fork(child, [db.url], { execArgv: ['--conditions=source', '--import', 'tsx'] })
        const exited = once(killed, 'exit')
        assert.deepEqual(await Promise.race([once(killed, 'message'), exited]), ['started', undefined])
        killed.kill('SIGKILL')
        assert.deepEqual(await exited, [null, 'SIGKILL'])
        assert.deepEqual(await rowsOf(db), ['committed'])
        assert.deepEqual(await db.query('SELECT "id" FROM "TaskFailure"'), [])
      })
    },
    { only: ['sqlite'] },
  )
})
