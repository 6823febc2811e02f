import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ErrorRequestHandler, Express } from 'express'
import request from 'supertest'
import { poolFull } from '../../src/express/index.js'
import { forEachDatabase } from '../support/databases.js'
import { expressVersions } from '../support/express.js'
import { deferred } from '../support/wait.js'
import { insert, rowsOf, watched } from '../support/watched.js'

const lastResort: ErrorRequestHandler = (error: unknown, _request, response, _next) => {
  response.status(418).json({ caught: String(error) })
}

const throwing = (error: unknown) => () => {
  throw error
}

for (const { name, express, route } of expressVersions) {
  /** An app in which everything fails with what `fail` throws, and whose last resort answers 418. */
  function failing(fail: () => unknown, middleware: ErrorRequestHandler = poolFull()): Express {
    const app = express()
    app.get(
      '/',
      route(async (_request, response) => response.json(await fail())),
    )
    app.use(middleware)
    app.use(lastResort)
    return app
  }

  describe(`poolFull in ${name}`, () => {
    forEachDatabase(
      (db) => {
        test('a full pool is 503, and the transaction has rolled back', async () => {
          await db.reset()
          const { afterCommit, prisma } = watched(db, { maxPending: 1, overflow: 'refuse' })
          const release = deferred()
          afterCommit('fills the pool', () => release.promise)
          const app = failing(() =>
            prisma.$transaction(async (tx) => {
              await insert(tx, 'a')
              afterCommit('one too many', () => undefined)
            }),
          )
          const response = await request(app).get('/')
          assert.equal(response.status, 503)
          assert.equal(response.get('retry-after'), '1')
          assert.equal(response.get('cache-control'), 'no-store')
          assert.match(response.get('content-type') ?? '', /^application\/problem\+json/)
          const { detail, ...problem } = JSON.parse(response.text) as { detail: string }
          const expected = { type: 'about:blank', title: 'Service Unavailable', status: 503, code: 'ERR_POOL_FULL' }
          assert.deepEqual(problem, expected)
          assert.doesNotMatch(detail, /one too many/) // the names of tasks are nobody else's business
          assert.deepEqual(await rowsOf(db), [])
          release.resolve()
          await afterCommit.idle()
        })

        test('a closed one is 503 as well, with its own code', async () => {
          await db.reset()
          const { afterCommit, prisma } = watched(db)
          await afterCommit.close()
          const register = () =>
            prisma.$transaction(async (tx) => {
              await insert(tx, 'a')
              afterCommit('late', () => undefined)
            })
          const response = await request(failing(register, poolFull({ retryAfter: 30 }))).get('/')
          assert.deepEqual([response.status, response.get('retry-after')], [503, '30'])
          assert.equal((JSON.parse(response.text) as { code: string }).code, 'ERR_CLOSED')
          assert.deepEqual(await rowsOf(db), [])
        })
      },
      { only: ['sqlite', 'postgresql'] },
    )

    test('knows the errors of another copy of the library by their code', async () => {
      const error = Object.assign(new Error('elsewhere'), { code: 'ERR_POOL_FULL' })
      assert.equal((await request(failing(throwing(error))).get('/')).status, 503)
    })

    for (const error of [new Error('plain'), Object.assign(new Error('own'), { code: 'ERR_OPTIONS' }), 'text']) {
      test(`passes on ${String(error)}`, async () => {
        const response = await request(failing(throwing(error))).get('/')
        assert.deepEqual([response.status, response.body], [418, { caught: String(error) }])
        assert.equal(response.get('retry-after'), undefined)
      })
    }

    test('passes on what comes after the answer has begun: Express then ends the connection', async () => {
      const app = express()
      app.get('/', (_request, response) => {
        response.write('half an ')
        throw Object.assign(new Error('full'), { code: 'ERR_POOL_FULL' })
      })
      const passedOn: unknown[] = []
      const last: ErrorRequestHandler = (error, _request, _response, next) => {
        passedOn.push((error as { code: string }).code)
        next(error)
      }
      app.set('env', 'test') // Express prints the error otherwise
      app.use(poolFull(), last)
      await assert.rejects(async () => await request(app).get('/'), /aborted/)
      assert.deepEqual(passedOn, ['ERR_POOL_FULL'])
    })

    test('refuses seconds that the header cannot carry', () => {
      for (const retryAfter of [-1, 0.5, NaN, Infinity]) {
        assert.throws(() => poolFull({ retryAfter }), { code: 'ERR_OPTIONS' })
      }
    })
  })
}
