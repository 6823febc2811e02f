import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request as httpRequest } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { after, beforeEach, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gracefulShutdown, type ShutdownReport } from '../../src/express/index.js'
import { forEachDatabase, type TestDatabase } from '../support/databases.js'
import { expressVersions } from '../support/express.js'
import { start } from '../support/recorders.js'
import { deferred, until } from '../support/wait.js'
import { rowsOf } from '../support/watched.js'
import type { Behaviour, Message, Settings } from './server.child.js'

const children = new Set<ChildProcess>()
after(() => children.forEach((child) => child.kill('SIGKILL')))

interface Answer {
  readonly status: number | undefined
  readonly connection: string | undefined
}

class Server {
  readonly #child: ChildProcess
  readonly #agent = new Agent({ keepAlive: true })
  readonly #messages: Message[] = []
  readonly #exit: Promise<unknown[]>

  constructor(settings: Settings) {
    const path = fileURLToPath(new URL('server.child.ts', import.meta.url))
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined }
    this.#child = fork(path, [JSON.stringify(settings)], { env })
    children.add(this.#child)
    this.#child.on('message', (message: Message) => this.#messages.push(message))
    this.#exit = once(this.#child, 'exit')
  }

  message<K extends string>(key: K): Promise<Extract<Message, Record<K, unknown>>> {
    const has = (message: Message): message is Extract<Message, Record<K, unknown>> => key in message
    return until(() => this.#messages.find(has))
  }

  async post(email: string, behaviour: Behaviour): Promise<Answer> {
    const { port } = await this.message('port')
    const headers = { 'content-type': 'application/json' }
    const outgoing = httpRequest({
      port,
      host: '127.0.0.1',
      path: '/users',
      method: 'POST',
      agent: this.#agent,
      headers,
    })
    outgoing.end(JSON.stringify({ email, behaviour }))
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    response.resume()
    await once(response, 'end')
    return { status: response.statusCode, connection: response.headers.connection }
  }

  /** Resolves when it takes no more connections. */
  async refuses(): Promise<void> {
    await until(() =>
      this.post('refused', 'succeed').then(
        () => false,
        () => true,
      ),
    )
  }

  async connectInSilence(): Promise<void> {
    const { port } = await this.message('port')
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    await once(socket, 'connect')
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  release(): void {
    this.#child.send('release')
  }

  /** The exit code, or the signal that ended it. */
  async ended(): Promise<unknown> {
    const [code, signal] = await this.#exit
    children.delete(this.#child)
    this.#agent.destroy()
    return code ?? signal
  }
}

/** The rows of the failure log that another connection sees, by status. */
async function failureRows(db: TestDatabase): Promise<Record<string, number>> {
  const rows = await db.query<{ status: string }>('SELECT "status" FROM "TaskFailure"')
  const counts = { failed: 0, rejected: 0, interrupted: 0 } as Record<string, number>
  for (const { status } of rows) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

/** Starts 20 clients that send one request after another, each registering one task, until they are refused. */
function load(server: Server, behaviours: readonly Behaviour[]) {
  const answered: string[] = []
  const clients = Array.from({ length: 20 }, async (_, client) => {
    for (let n = 0; ; n++) {
      const email = `${client}-${n}`
      try {
        const { status } = await server.post(email, behaviours[(client + n) % behaviours.length] ?? 'succeed')
        assert.equal(status, 201)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code?.startsWith('E') !== true) throw error
        return
      }
      answered.push(email)
    }
  })
  return { answered, done: Promise.all(clients) }
}

describe('gracefulShutdown', () => {
  for (const { name: version } of expressVersions) {
    const serverOf = ({ url }: TestDatabase, grace: number) => new Server({ url, grace, version })

    describe(version, () => {
      forEachDatabase(
        (db) => {
          beforeEach(() => db.reset())

          for (const signal of ['SIGTERM', 'SIGINT'] as const) {
            test(`${signal} under load: every task is counted once, each failure has its row, and nothing was interrupted`, async () => {
              const server = serverOf(db, 20_000)
              const { answered, done } = load(server, ['succeed', 'fail', 'cancel', 'succeed', 'wait'])
              // Tasks that wait hold the slots: so the pool is full, and some are rejected.
              await until(() => answered.length > 100)
              server.signal(signal)
              server.release()
              const { report } = await server.message('report')
              assert.equal(await server.ended(), 0)
              await done
              assertCountedOnce(report)
              const { accepted, failed, rejected, interrupted, clean } = report
              assert.deepEqual([clean, report.requestsCut, interrupted], [true, 0, 0])
              assert.ok(failed > 0 && rejected > 0 && report.cancelled > 0, JSON.stringify(report))
              assert.deepEqual(await failureRows(db), { failed, rejected, interrupted })
              const rows = await rowsOf(db)
              assert.equal(accepted, rows.length)
              assert.deepEqual(answered.toSorted(), rows.toSorted()) // no request was cut
            })
          }

          test('what does not end within the grace has a row that says interrupted, and the exit code is 1', async () => {
            const server = serverOf(db, 300)
            const { answered, done } = load(server, ['never end', 'succeed', 'fail', 'cancel'])
            await until(() => answered.length > 50)
            const signalled = performance.now()
            server.signal('SIGTERM')
            const { report } = await server.message('report')
            assert.equal(await server.ended(), 1)
            assert.ok(performance.now() - signalled < 300 + 8_000)
            await done
            assertCountedOnce(report)
            const { accepted, failed, rejected, interrupted, clean } = report
            assert.equal(clean, false)
            assert.ok(interrupted > 0)
            assert.deepEqual(await failureRows(db), { failed, rejected, interrupted })
            assert.equal(accepted, (await rowsOf(db)).length)
          })
        },
        { only: version === 'Express 5' ? ['sqlite', 'postgresql'] : ['sqlite'] },
      )

      forEachDatabase(
        (db) => {
          beforeEach(() => db.reset())

          test('finishes a request that is under way, and tells the client to send the next one elsewhere', async () => {
            const server = serverOf(db, 20_000)
            await server.post('idle', 'succeed') // leaves an idle connection behind
            await server.connectInSilence()
            const underWay = server.post('held', 'hold the request')
            await server.message('held')
            server.signal('SIGTERM')
            await server.refuses()
            server.release()
            assert.deepEqual(await underWay, { status: 201, connection: 'close' })
            assert.equal(await server.ended(), 0)
          })

          test('cuts a request that outlives the grace: exit code 1, and its task has run', async () => {
            const server = serverOf(db, 300)
            const cut = assert.rejects(server.post('held', 'hold the request'), { code: 'ECONNRESET' })
            await server.message('held')
            server.signal('SIGTERM')
            const { report } = await server.message('report')
            assert.equal(await server.ended(), 1)
            await cut
            assert.deepEqual([report.requestsCut, report.succeeded, report.clean], [1, 1, false])
          })

          for (const [signal, code] of [
            ['SIGTERM', 143],
            ['SIGINT', 130],
          ] as const) {
            test(`a second signal ends it at once: ${signal}, exit code ${code}`, async () => {
              const server = serverOf(db, 60_000)
              const cut = assert.rejects(server.post('held', 'hold the request'))
              await server.message('held')
              server.signal('SIGTERM')
              await server.refuses()
              server.signal(signal)
              assert.equal(await server.ended(), code)
              await cut
            })
          }
        },
        { only: ['sqlite'] },
      )
    })
  }

  test('started by hand it ends no process, answers with one promise, and awaits what the report is given to', async () => {
    const { afterCommit } = start()
    const release = deferred()
    const http = createServer((_request, response) => {
      afterCommit('waits', () => release.promise)
      response.end()
    })
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
    const listeners = process.listenerCount('SIGTERM')
    const seen: unknown[] = []
    const shutDown = gracefulShutdown(http, afterCommit, {
      async onReport({ succeeded }) {
        await new Promise((resolve) => setImmediate(resolve))
        seen.push(succeeded)
      },
    })
    assert.equal(process.listenerCount('SIGTERM'), listeners + 1)
    assert.equal((await fetch(`http://127.0.0.1:${(http.address() as AddressInfo).port}`)).status, 200)
    const first = shutDown()
    assert.equal(shutDown(), first)
    release.resolve()
    const { clean, succeeded } = await first
    assert.deepEqual([clean, succeeded, seen, http.listening], [true, 1, [1], false])
    assert.equal(process.listenerCount('SIGTERM'), listeners)
  })

  test('refuses a grace that is none', () => {
    const { afterCommit } = start()
    for (const grace of [-1, NaN, Infinity]) {
      assert.throws(() => gracefulShutdown(createServer(), afterCommit, { grace }), { code: 'ERR_OPTIONS' })
    }
  })
})

function assertCountedOnce({ accepted, ...report }: ShutdownReport): void {
  const { cancelled, dropped, failed, interrupted, rejected, succeeded } = report
  assert.equal(accepted, succeeded + failed + rejected + interrupted + dropped + cancelled, JSON.stringify(report))
}
