import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defineTask, prismaFailureLog } from '../../src/index.js'
import { forEachDatabase } from '../support/databases.js'
import { holdTimers } from '../support/held-timers.js'
import { next, start } from '../support/recorders.js'
import { insert, sharedClient } from '../support/watched.js'
import { deferred } from '../support/wait.js'

describe('Rule 24: close() counts each accepted task once, and what is unfinished at its deadline is a row', () => {
  forEachDatabase((db) => {
    test('open transactions go on registering; interrupted tasks run in the next process, from their rows', async (t) => {
      await db.reset()
      const client = sharedClient(db)
      const failureLog = prismaFailureLog(() => client)
      const hang = deferred()
      const hangs = defineTask('hangs', (_n: number) => hang.promise)
      const { afterCommit } = start({ concurrency: 2, failureLog })
      const prisma = afterCommit.watch(client)

      const [opened, go] = [deferred(), deferred()]
      const started = next(afterCommit, 'started')
      const transaction = prisma.$transaction(async (tx) => {
        await insert(tx, 'open')
        opened.resolve()
        await go.promise
        for (let n = 0; n < 4; n++) afterCommit(hangs, n)
        afterCommit('cancelled', () => assert.fail('it ran')).cancel()
      })
      await opened.promise
      for (let n = 4; n < 6; n++) afterCommit(hangs, n)
      await started
      const grace = holdTimers(t, 50_000)
      const closing = afterCommit.close({ grace: 50_000 })
      go.resolve()
      await transaction
      grace.expire()

      const report = await closing
      const { accepted, succeeded, failed, rejected, dropped, interrupted, cancelled } = report
      assert.equal(accepted, succeeded + failed + rejected + dropped + interrupted + cancelled)
      assert.equal(interrupted, 6)
      hang.resolve()

      const ran: number[] = []
      const again = defineTask('hangs', (n: number) => void ran.push(n))
      const { afterCommit: nextProcess } = start({ failureLog, tasks: [again] })
      const { retried } = await nextProcess.failures.retryAll({ status: 'interrupted' })
      await nextProcess.idle()
      assert.equal(retried, 6)
      assert.deepEqual(
        ran.toSorted((a, b) => a - b),
        [0, 1, 2, 3, 4, 5],
      )
      assert.deepEqual(
        (await db.query('SELECT DISTINCT "status" FROM "TaskFailure"')).map(({ status }) => status),
        ['retried'],
      )
    })
  })
})
