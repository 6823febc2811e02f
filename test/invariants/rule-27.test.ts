import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defineTask, prismaFailureLog } from '../../src/index.js'
import { forEachDatabase } from '../support/databases.js'
import { start } from '../support/recorders.js'
import { sharedClient } from '../support/watched.js'

const boom = () => Promise.reject(new Error('boom'))

describe('Rule 27: a failed task is run again from its row, under a new id, by one process alone', () => {
  forEachDatabase((db) => {
    test('a defined task with its payload; a closure and a task that nobody knows stay as they are', async () => {
      await db.reset()
      const client = sharedClient(db)
      const failureLog = prismaFailureLog(() => client)
      const { afterCommit } = start({ retry: false, failureLog })
      const failed = afterCommit(
        defineTask('pays', (_payload: { amount: number }) => boom()),
        { amount: 7 },
      )
      const unknown = afterCommit(defineTask('unknown', boom))
      const closure = afterCommit('closure', boom)
      await afterCommit.idle()

      const ran: unknown[] = []
      const pays = defineTask('pays', (payload: { amount: number }, { id }) => {
        ran.push(payload)
        throw new Error(id)
      })
      const open = () => start({ retry: false, failureLog, tasks: [pays] }).afterCommit
      const [one, other] = [open(), open()]
      const answers = await Promise.allSettled([one.failures.retry(failed.id), other.failures.retry(failed.id)])
      await Promise.all([one.idle(), other.idle()])
      assert.deepEqual(ran, [{ amount: 7 }])
      const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as unknown] : []))
      assert.deepEqual(
        refused.map((error) => (error as { code: string }).code),
        ['ERR_NOT_RETRYABLE'],
      )

      for (const { id } of [unknown, closure]) {
        await assert.rejects(one.failures.retry(id), { code: 'ERR_NOT_RETRYABLE' })
      }
      const { items, nextCursor } = await one.failures.list()
      assert.equal(nextCursor, undefined)
      const again = items.find(({ retryOf }) => retryOf !== null)
      assert.notEqual(again?.id, failed.id)
      assert.deepEqual(
        items.map(({ id, status, retryOf }) => ({ id, status, retryOf })).toSorted((a, b) => (a.id < b.id ? -1 : 1)),
        [
          { id: failed.id, status: 'retried', retryOf: null },
          { id: unknown.id, status: 'failed', retryOf: null },
          { id: closure.id, status: 'failed', retryOf: null },
          { id: again?.errorMessage, status: 'failed', retryOf: failed.id },
        ].toSorted((a, b) => ((a.id ?? '') < (b.id ?? '') ? -1 : 1)),
      )
    })
  })
})
