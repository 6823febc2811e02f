import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { type Server, createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { type Child, startChild } from '../../src/app/demo/child.js'
import { listen } from '../../src/app/partners/listen.js'
import { type Deferred, deferred, until } from '../support/wait.js'
import { urlOfNobody } from './command.js'

describe('the server', () => {
  let folder: string
  let logFile: string
  let partner: Server
  let pointsUrl: string
  let called: Deferred<void>
  let mayAnswer: Deferred<void>
  const children: Child[] = []

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'after-commit-server-'))
    logFile = join(folder, 'app.log')
    partner = createServer((_request, response) => {
      called.resolve()
      void mayAnswer.promise.then(() => response.end('{}'))
    })
    pointsUrl = await listen(partner, 0)
  })
  beforeEach(() => {
    called = deferred()
    mayAnswer = deferred()
  })
  afterEach(async () => {
    mayAnswer.resolve()
    await Promise.all(children.splice(0).map((child) => child.kill()))
    await rm(logFile, { force: true })
  })
  after(async () => {
    partner.close()
    partner.closeAllConnections()
    await rm(folder, { recursive: true })
  })

  const start = async (env: NodeJS.ProcessEnv = {}) => {
    const child = await startChild('../server.ts', {
      name: 'app',
      lines: 1,
      env: {
        NODE_TEST_CONTEXT: undefined, // the app is no test
        PORT: '0',
        DATABASE_URL: `file:${join(folder, 'shop.db')}`,
        LOG_FILE: logFile,
        POINTS_URL: pointsUrl,
        ...env,
      },
      logFile,
    })
    children.push(child)
    const url = child.lines[0]?.match(/^The shop listens on (http:\S+)$/)?.[1] ?? assert.fail(child.lines[0])
    return { child, url }
  }
  const logged = (message: string) =>
    until(async () => (await readFile(logFile, 'utf8')).includes(`"msg":"${message}"`))

  it('prints its address, and has sample data to play with', async () => {
    const { url } = await start()
    const courses = (await (await fetch(`${url}/courses`)).json()) as unknown[]
    assert.ok(courses.length > 0)
  })

  it('finishes the tasks that its requests have left before it ends', async () => {
    const { child, url } = await start()
    assert.equal((await login(url)).status, 201)
    await called.promise
    const stopped = child.stop()
    await logged('shutting down')
    mayAnswer.resolve()
    await stopped
    const log = await readFile(logFile, 'utf8')
    const report = log.split('\n').find((line) => line.includes('"msg":"shut down"')) ?? ''
    assert.equal((JSON.parse(report) as { report: { succeeded: number } }).report.succeeded, 1)
  })

  it('finishes the requests that are under way before it ends, and takes no more', async () => {
    const { child, url } = await start({ PARTNERS: 'inside' })
    const underWay = login(url)
    await called.promise
    const stopped = child.stop()
    await logged('shutting down')
    await assert.rejects(login(url))
    mayAnswer.resolve()
    assert.equal((await underWay).status, 201)
    await stopped
  })

  it('ends with what is wrong when a setting is', async () => {
    await assert.rejects(start({ PARTNERS: 'before' }), /The app has ended by itself \(exit code 1\)\. Its log: /)
    assert.match(await readFile(logFile, 'utf8'), /Expected PARTNERS to be 'inside', 'after' or 'outbox', got "before"/)
  })

  it('ends with what to do where its database does not answer, and nothing else', async () => {
    const { host, href } = await urlOfNobody()
    await assert.rejects(start({ DATABASE_URL: href }), /The app has ended by itself \(exit code 1\)\. Its log: /)
    const advice = 'Start it, or correct DATABASE_URL: without DATABASE_URL it is an SQLite file'
    assert.equal(await readFile(logFile, 'utf8'), `The database ${host}/shop does not answer. ${advice}\n`)
  })

  it('is noticed when it dies', async () => {
    const { child, url } = await start()
    assert.equal((await fetch(`${url}/stats`)).status, 200)
    process.kill(child.pid, 'SIGKILL')
    await assert.rejects(child.died, /The app has ended by itself \(SIGKILL\)/)
  })
})

const login = (url: string) =>
  fetch(`${url}/logins`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'ada1@shop.example' }),
  })
