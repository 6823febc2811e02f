import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Express } from 'express'
import request from 'supertest'
import { health, type Health } from '../../src/express/index.js'
import { prismaFailureLog } from '../../src/index.js'
import { forEachDatabase } from '../support/databases.js'
import { expressVersions } from '../support/express.js'
import { start } from '../support/recorders.js'
import { deferred, until } from '../support/wait.js'

for (const { name, express } of expressVersions) {
  function appWith({ live, ready }: Health): Express {
    const app = express()
    app.get('/live', live)
    app.get('/ready', ready)
    return app
  }

  describe(`health in ${name}`, () => {
    test('an idle instance is live and ready', async () => {
      const app = appWith(health(start().afterCommit))
      const [live, ready] = await Promise.all([request(app).get('/live'), request(app).get('/ready')])
      assert.deepEqual([live.status, live.body], [200, { status: 'live', saturation: 0, oldestPendingMs: 0 }])
      const body = { status: 'ready', reasons: [], saturation: 0, oldestPendingMs: 0 }
      assert.deepEqual([ready.status, ready.body, ready.get('cache-control')], [200, body, 'no-store'])
    })

    test('a saturated one is live and not ready, until it has caught up', async () => {
      const { afterCommit } = start({ maxPending: 4, concurrency: 1 })
      const app = appWith(health(afterCommit, { saturation: 0.75 }))
      const release = deferred()
      for (let n = 0; n < 2; n++) afterCommit('waits', () => release.promise)
      assert.equal((await request(app).get('/ready')).status, 200)
      afterCommit('waits', () => release.promise)
      const response = await request(app).get('/ready')
      const body = response.body as { status: string; reasons: string[]; saturation: number }
      assert.deepEqual([response.status, body.status, body.reasons], [503, 'not ready', ['saturation']])
      assert.equal(body.saturation, 0.75)
      assert.equal((await request(app).get('/live')).status, 200)
      release.resolve()
      await afterCommit.idle()
      assert.equal((await request(app).get('/ready')).status, 200)
    })

    test('one whose oldest task is pending for too long is not ready', async () => {
      const { afterCommit } = start()
      const app = appWith(health(afterCommit, { oldestPendingMs: 20 }))
      const release = deferred()
      afterCommit('waits', () => release.promise)
      await until(() => afterCommit.stats().oldestPendingMs > 20)
      const response = await request(app).get('/ready')
      assert.deepEqual([response.status, (response.body as { reasons: string[] }).reasons], [503, ['oldestPendingMs']])
      release.resolve()
      await afterCommit.idle()
    })

    forEachDatabase(
      (db) => {
        test('one whose failure log cannot be reached is not ready, and live without asking it', async () => {
          const client = db.newClient()
          const failureLog = prismaFailureLog(() => client)
          const app = appWith(health(start().afterCommit, { failureLog }))
          const ready = async () => {
            const response = await request(app).get('/ready')
            const { failureLog: reachable, reasons } = response.body as { failureLog: boolean; reasons: string[] }
            return [response.status, reachable, reasons]
          }
          assert.deepEqual(await ready(), [200, true, []])
          await db.execute('ALTER TABLE "TaskFailure" RENAME TO "Elsewhere"')
          assert.deepEqual(await ready(), [503, false, ['failureLog']])
          const live = await request(app).get('/live')
          assert.deepEqual([live.status, 'failureLog' in (live.body as object)], [200, false])
          await db.execute('ALTER TABLE "Elsewhere" RENAME TO "TaskFailure"')
          assert.deepEqual(await ready(), [200, true, []])
        })
      },
      { only: ['sqlite', 'postgresql'] },
    )

    test('a failure log that does not answer is asked once at a time, and counts as not reachable', async () => {
      let asked = 0
      const answer = deferred()
      const failureLog = {
        check: () => {
          asked++
          return answer.promise
        },
      }
      const app = appWith(health(start().afterCommit, { failureLog }))
      const responses = await Promise.all([request(app).get('/ready'), request(app).get('/ready')])
      assert.deepEqual([responses.map(({ status }) => status), asked], [[503, 503], 1])
      answer.resolve()
      assert.equal((await request(app).get('/ready')).status, 200)
      assert.equal(asked, 2)
    })

    test('refuses limits that are none', () => {
      const { afterCommit } = start()
      for (const options of [{ saturation: 0 }, { oldestPendingMs: -1 }, { saturation: NaN }]) {
        assert.throws(() => health(afterCommit, options), { code: 'ERR_OPTIONS' })
      }
    })
  })
}
