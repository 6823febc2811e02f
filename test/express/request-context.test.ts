import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Express } from 'express'
import request from 'supertest'
import { requestContext } from '../../src/express/index.js'
import { expressVersions } from '../support/express.js'
import { start } from '../support/recorders.js'

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

for (const { name, express, route } of expressVersions) {
  /** An app that answers with the id that its handlers see. */
  function appWith(requests = requestContext()): Express {
    const app = express()
    app.use(requests)
    app.use(express.json())
    app.post(
      '/',
      route(async (_request, response) => {
        await new Promise((resolve) => setImmediate(resolve))
        response.json({ id: requests.currentRequestId() })
      }),
    )
    return app
  }

  describe(`requestContext in ${name}`, () => {
    for (const id of [
      'abc-1',
      'a',
      'x'.repeat(100),
      '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      'A:b.c_d',
    ]) {
      test(`takes over the id ${id}`, async () => {
        const response = await request(appWith()).post('/').set('x-request-id', id).send({ some: 'body' })
        assert.deepEqual([response.body, response.get('x-request-id')], [{ id }, id])
      })
    }

    for (const id of ['', 'two words', 'x'.repeat(101), '<script>', 'a,b', '${jndi}', 'é']) {
      test(`makes an id of its own where the header is ${JSON.stringify(id)}`, async () => {
        const response = await request(appWith())
          .post('/')
          .set('x-request-id', Buffer.from(id).toString('latin1'))
          .send({})
        const made = (response.body as { id: string }).id
        assert.match(made, uuid)
        assert.equal(response.get('x-request-id'), made)
      })
    }

    test('makes a new id for each request without one', async () => {
      const app = appWith()
      const ids = await Promise.all(
        Array.from({ length: 20 }, async () => ((await request(app).post('/').send({})).body as { id: string }).id),
      )
      assert.equal(new Set(ids).size, 20)
      for (const id of ids) assert.match(id, uuid)
    })

    test('the header can have another name', async () => {
      const app = appWith(requestContext({ header: 'X-Correlation-Id' }))
      const response = await request(app).post('/').set('x-correlation-id', 'c1').set('x-request-id', 'r1').send({})
      assert.deepEqual([response.body, response.get('x-correlation-id')], [{ id: 'c1' }, 'c1'])
      assert.equal(response.get('x-request-id'), undefined)
    })

    test('refuses a name that no header can have', () => {
      for (const header of ['', 'two words', 'x\n']) assert.throws(() => requestContext({ header }), TypeError)
    })

    test('the id is on the log lines and the failure row of a task, which sees it too', async () => {
      const requests = requestContext()
      const { afterCommit, failures, log } = start({ retry: false, requestId: requests.currentRequestId })
      const seen: unknown[] = []
      const app = express()
      app.use(requests)
      app.post('/', (_request, response) => {
        afterCommit('fails', () => {
          seen.push(requests.currentRequestId())
          throw new Error('boom')
        })
        response.end()
      })
      await Promise.all(['r1', 'r2'].map((id) => request(app).post('/').set('x-request-id', id)))
      await afterCommit.idle()
      assert.deepEqual(new Set(seen), new Set(['r1', 'r2']))
      assert.deepEqual(new Set(failures.records.map(({ requestId }) => requestId)), new Set(['r1', 'r2']))
      assert.deepEqual(new Set(log.at('error').map(({ fields }) => fields['requestId'])), new Set(['r1', 'r2']))
      assert.equal(requests.currentRequestId(), undefined)
    })
  })
}
