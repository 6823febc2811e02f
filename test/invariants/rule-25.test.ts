import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ClosedError } from '../../src/index.js'
import { forEachDatabase } from '../support/databases.js'
import { start } from '../support/recorders.js'
import { insert, rowsOf, sharedClient } from '../support/watched.js'

const nothing = () => undefined

describe('Rule 25: a registration after the call of close() throws a ClosedError', () => {
  test('before the tasks have ended and after, and a second close() is the first one', async () => {
    const { afterCommit } = start()
    const task = afterCommit(nothing)
    const closing = afterCommit.close()
    assert.throws(() => afterCommit('late', nothing), ClosedError)
    assert.equal(afterCommit.close({ grace: 0 }), closing)
    await closing
    assert.equal((await task.settled).status, 'succeeded')
    assert.throws(() => afterCommit('late', nothing), ClosedError)
  })

  forEachDatabase((db) => {
    test('so that a transaction which begins later rolls back', async () => {
      await db.reset()
      const { afterCommit } = start()
      const prisma = afterCommit.watch(sharedClient(db))
      await afterCommit.close()
      const late = prisma.$transaction(async (tx) => {
        await insert(tx, 'late')
        afterCommit('late', nothing)
      })
      await assert.rejects(late, ClosedError)
      assert.deepEqual(await rowsOf(db), [])
    })
  })
})
