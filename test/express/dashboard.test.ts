// Who may see the dashboard, what can be changed and by whom, and what its answers forbid the browser.
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { describe, test } from 'node:test'
import type { ErrorRequestHandler, Request } from 'express'
import request from 'supertest'
import { dashboard, type DashboardOptions, gracefulShutdown } from '../../src/express/index.js'
import { defineTask } from '../../src/index.js'
import { record } from '../failure-logs/record.js'
import { credentials, mounted, post, read } from '../support/dashboard.js'
import { expressVersions } from '../support/express.js'
import { start } from '../support/recorders.js'
import { deferred } from '../support/wait.js'

const files = readdirSync(new URL('../../src/express/dashboard/page', import.meta.url))
  .filter((name) => name !== 'index.html')
  .map((name) => `/${name}`)
const reads = ['/', ...files, '/api/state', '/api/failures', '/api/failure?id=x']
const changes = ['retry', 'resolve', 'retry-all', 'resolve-all'].map((action) => `/api/failures/${action}`)

describe('dashboard()', () => {
  test('is not made without `authorize`, unless `unsafe: true` is written', () => {
    const { afterCommit } = start()
    const refused: [DashboardOptions, RegExp][] = [
      [{}, /Expected `authorize` to be a function .*, got `undefined`/],
      [{ unsafe: false }, /`authorize`/],
      [{ authorize: true as never }, /`authorize`/],
      [{ unsafe: 'yes' as never }, /Expected `unsafe` to be a boolean/],
      [{ unsafe: true, authorize: () => true }, /Expected `unsafe` to be left out/],
      [{ unsafe: true, mask: 'password' as never }, /Expected `mask` to be a function/],
      [{ unsafe: true, outbox: {} as never }, /Expected `outbox` to be what createOutbox returned/],
      [{ unsafe: true, relay: {} as never }, /Expected `relay` to be what createRelay returned/],
      [{ unsafe: true, authorise: () => true } as never, /Unknown option `authorise`/],
    ]
    for (const [options, message] of refused) {
      assert.throws(() => dashboard(afterCommit, options), { code: 'ERR_OPTIONS', message })
    }
    assert.throws(() => dashboard(undefined as never, { unsafe: true }), {
      code: 'ERR_OPTIONS',
      message: /afterCommit/,
    })
    dashboard(afterCommit, { unsafe: true })
  })

  for (const version of expressVersions) {
    describe(version.name, () => {
      test('asks `authorize` for every request, and shows nothing to those whom it does not let in', async () => {
        const { afterCommit } = start()
        const asked: string[] = []
        const authorize = (each: Request): boolean => {
          asked.push(`${each.method} ${each.originalUrl}`)
          return each.get('cookie') === 'admin'
        }
        const app = mounted(afterCommit, { authorize }, version)
        const expected: string[] = []
        for (const path of [...reads, ...changes, '/nowhere']) {
          const method = changes.includes(path) ? 'post' : 'get'
          const response = await request(app)[method](`/tasks${path}`)
          assert.deepEqual([path, response.status], [path, 403])
          assert.deepEqual(response.body, { error: 'You are not allowed to see this' })
          expected.push(`${method.toUpperCase()} /tasks${path}`)
        }
        assert.deepEqual(asked, expected)
        for (const path of ['/', ...files, '/api/state']) {
          assert.equal((await request(app).get(`/tasks${path}`).set('cookie', 'admin')).status, 200)
        }
      })

      test('lets nobody in by an answer that is not true, or by an error', async () => {
        const { afterCommit } = start()
        const answers: (() => unknown)[] = [() => Promise.resolve(false), () => ({}), () => 1, () => undefined]
        for (const authorize of answers) {
          const app = mounted(afterCommit, { authorize: authorize as () => boolean }, version)
          assert.equal((await request(app).get('/tasks/')).status, 403)
        }
        assert.equal(
          (await request(mounted(afterCommit, { authorize: async () => true }, version)).get('/tasks/')).status,
          200,
        )
        for (const authorize of [() => Promise.reject(new Error('no session')), () => assert.fail('no session')]) {
          const app = mounted(afterCommit, { authorize }, version)
          const seen: unknown[] = []
          app.use(((error: Error, _request, response, _next) => {
            seen.push(error.message)
            response.status(500).end()
          }) satisfies ErrorRequestHandler)
          assert.deepEqual([(await request(app).get('/tasks/')).status, seen], [500, ['no session']])
        }
      })

      test('serves its page and files, and sends an address without a slash to the one with it', async () => {
        const app = mounted(start().afterCommit, {}, version)
        const moved = await request(app).get('/tasks')
        assert.deepEqual([moved.status, moved.get('location')], [302, './tasks/'])
        const page = await request(app).get('/tasks/')
        assert.match(page.get('content-type') ?? '', /^text\/html/)
        const script = await request(app).get('/tasks/main.js')
        assert.match(script.get('content-type') ?? '', /^text\/javascript/)
        const tag = script.get('etag') ?? ''
        assert.equal((await request(app).get('/tasks/main.js').set('if-none-match', tag)).status, 304)
        for (const path of ['/nowhere', '/../index.ts', '/%2e%2e/files.ts', '/constructor', '/api', '//api/nothing']) {
          assert.deepEqual([path, (await request(app).get(`/tasks${path}`)).status], [path, 404])
        }
      })
    })
  }

  test('forbids the browser scripts of others, other origins, frames and a copy in its cache, in every answer', async () => {
    const app = mounted(start().afterCommit)
    for (const path of [...reads, '/nowhere']) {
      const response = await request(app).get(`/tasks${path}`)
      const policy = new Map(
        (response.get('content-security-policy') ?? '')
          .split('; ')
          .map((each) => each.split(' ', 1).concat(each) as [string, string]),
      )
      assert.equal(policy.get('default-src'), "default-src 'none'", path)
      assert.equal(policy.get('script-src'), "script-src 'self'")
      assert.equal(policy.get('style-src'), "style-src 'self'")
      assert.equal(policy.get('frame-ancestors'), "frame-ancestors 'none'")
      assert.doesNotMatch([...policy.values()].join(), /unsafe|data:|https?:|\*/)
      assert.equal(response.get('x-frame-options'), 'DENY')
      assert.equal(response.get('x-content-type-options'), 'nosniff')
      assert.equal(response.get('referrer-policy'), 'no-referrer')
      assert.equal(response.get('access-control-allow-origin'), undefined)
      assert.equal(
        response.get('cache-control'),
        path.startsWith('/api') || path === '/nowhere' ? 'no-store' : 'private, no-cache',
      )
    }
  })

  test('has no script or style in its page, and nothing from elsewhere', async () => {
    const { text } = await request(mounted(start().afterCommit)).get('/tasks/')
    assert.doesNotMatch(text, /<script(?![^>]* src=)|<style|style=|\son\w+=|https?:|\/\//)
  })
})

describe('a change by the dashboard', () => {
  test('needs POST, and reads take nothing else than GET and HEAD', async () => {
    const app = mounted(start().afterCommit)
    for (const path of changes) {
      for (const method of ['get', 'put', 'delete', 'options'] as const) {
        const response = await request(app)[method](`/tasks${path}`)
        assert.deepEqual([response.status, response.get('allow')], [405, 'POST'])
      }
    }
    for (const path of ['/', '/main.js', '/api/state', '/api/failures']) {
      const response = await request(app)
        .post(`/tasks${path}`)
        .set(await credentials(app))
        .send({})
      assert.deepEqual([path, response.status, response.get('allow')], [path, 405, 'GET, HEAD'])
      assert.equal((await request(app).head(`/tasks${path}`)).status, 200)
    }
  })

  test('needs the token in the cookie and in the header, from the same origin, as JSON', async () => {
    const task = defineTask('pays', () => undefined)
    const { afterCommit, failures } = start({ tasks: [task] })
    const failure = record({ task: 'pays' })
    await failures.write([failure])
    const app = mounted(afterCommit)
    const good = await credentials(app)
    const { cookie, 'x-after-commit-token': token = '' } = good
    const other = await credentials(app)
    const send = async (headers: Record<string, string | undefined>, body: string | object = { ids: [failure.id] }) => {
      const sent = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)) as Record<
        string,
        string
      >
      return (await request(app).post('/tasks/api/failures/retry').set(sent).send(body)).status
    }
    const refused: [Record<string, string | undefined>, number][] = [
      [{}, 403],
      [{ cookie }, 403],
      [{ 'x-after-commit-token': token }, 403],
      [{ cookie, 'x-after-commit-token': other['x-after-commit-token'] }, 403],
      [{ cookie, 'x-after-commit-token': `${token.slice(0, -1)}!` }, 403],
      [{ cookie: 'after-commit-token=', 'x-after-commit-token': '' }, 403],
      [{ ...good, 'sec-fetch-site': 'cross-site' }, 403],
      [{ ...good, 'sec-fetch-site': 'same-site' }, 403],
      [{ ...good, 'content-type': 'text/plain' }, 415],
      [{ ...good, 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ]
    for (const [headers, status] of refused) {
      const body = headers['content-type'] === undefined ? undefined : '{}'
      assert.deepEqual([headers, await send(headers, body)], [headers, status])
    }
    assert.equal(await send({ ...good, 'content-type': 'application/json' }, '{"ids":'), 400)
    assert.equal(await send({ ...good, 'content-type': 'application/json' }, '[]'), 400)
    assert.equal(await send({ ...good, 'content-type': 'application/json' }, `{"ids":["${'x'.repeat(100_000)}"]}`), 413)
    assert.equal(await send(good, { ids: Array.from({ length: 201 }, () => 'x') }), 400)
    assert.equal(afterCommit.stats().accepted, 0)
    assert.equal((await failures.get(failure.id))?.status, 'failed')

    assert.equal(await send({ ...good, 'sec-fetch-site': 'same-origin' }), 200)
    await afterCommit.idle()
    assert.equal(afterCommit.stats().succeeded, 1)
    assert.equal((await failures.get(failure.id))?.status, 'retried')
  })

  test('gives each browser a token of its own, which every process takes, in a cookie that no script reads', async () => {
    const first = mounted(start().afterCommit)
    const second = mounted(start().afterCommit)
    const response = await request(first).get('/tasks/api/state')
    assert.match(
      (response.get('set-cookie') ?? [])[0] ?? '',
      /^after-commit-token=[\w-]{43}; HttpOnly; SameSite=Strict$/,
    )
    const mine = await credentials(first)
    assert.notEqual(mine['x-after-commit-token'], (response.body as { token: string }).token)
    const again = await request(first)
      .get('/tasks/api/state')
      .set('cookie', mine['cookie'] ?? '')
    assert.deepEqual(
      [again.get('set-cookie'), (again.body as { token: string }).token],
      [undefined, mine['x-after-commit-token']],
    )
    const elsewhere = await request(second).post('/tasks/api/failures/resolve').set(mine).send({ ids: [] })
    assert.equal(elsewhere.status, 200)
  })

  test('is read from a body that middleware of the application has parsed, too', async () => {
    const { afterCommit, failures } = start()
    const failure = record()
    await failures.write([failure])
    for (const { express } of expressVersions) {
      const app = express()
      app.use(express.json())
      app.use('/tasks', dashboard(afterCommit, { unsafe: true }))
      const response = await post(app, 'failures/resolve', { ids: [failure.id] })
      assert.equal(response.status, 200)
    }
    assert.equal((await failures.get(failure.id))?.status, 'resolved')
  })
})

describe('the server of a dashboard', () => {
  test('is closed at once while pages look, because no answer stays open', async () => {
    const { afterCommit } = start()
    const handler = dashboard(afterCommit, { unsafe: true })
    const seen = deferred<IncomingMessage>()
    const server = createServer((incoming, response) => {
      seen.resolve(incoming)
      handler(incoming, response)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const shutDown = gracefulShutdown(server, afterCommit, { grace: 60_000, exit: false, signals: [] })
    const { port } = server.address() as { port: number }
    // A browser keeps its connection.
    const response = await fetch(`http://127.0.0.1:${port}/api/state`, { headers: { connection: 'keep-alive' } })
    assert.equal(response.status, 200)
    await response.json()
    await seen.promise
    const { clean, requestsCut } = await shutDown()
    assert.deepEqual({ clean, requestsCut }, { clean: true, requestsCut: 0 })
  })

  test('needs no Express', async () => {
    const { afterCommit } = start()
    const server = createServer(dashboard(afterCommit, { authorize: ({ url }) => url !== '/icon.svg' }))
    assert.equal((await request(server).get('/')).status, 200)
    assert.equal((await request(server).get('/icon.svg')).status, 403)
    const failing = createServer(dashboard(afterCommit, { authorize: () => assert.fail('no') }))
    const { status, body } = await request(failing).get('/')
    assert.deepEqual([status, body], [500, { error: 'Something went wrong' }])
  })

  test('answers with the numbers of the pool and of each queue', async () => {
    const { afterCommit } = start({ concurrency: 2, maxPending: 9, queues: { sms: { concurrency: 1, maxPending: 3 } } })
    const stuck = deferred()
    for (let n = 0; n < 4; n++) afterCommit('waits', () => stuck.promise)
    const app = mounted(afterCommit)
    const { stats, queues, outbox } = await read<{ stats: object; queues: object[]; outbox: null }>(app, 'state')
    assert.deepEqual({ ...stats, oldestPendingMs: 0 }, { ...afterCommit.stats(), oldestPendingMs: 0 })
    assert.deepEqual(queues, afterCommit.queues())
    assert.equal(outbox, null)
    stuck.resolve()
    await afterCommit.idle()
  })
})
