import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, beforeEach, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import request from 'supertest'
import { connect } from '../../src/app/database.js'
import type { Happening, ProcessStep, Rung, TaskStep } from '../../src/app/page/events.js'
import { type Page, startPage } from '../../src/app/page/start.js'
import { until, untilWithin } from '../support/wait.js'
import { type PageEvents, listenTo } from './page-events.js'
import { present } from './shop.js'

const isCalled = (each: Happening): each is TaskStep =>
  each.kind === 'task' && each.by === 'request' && each.step === 'started'

describe('the server of the tutorial page', () => {
  let page: Page
  let events: PageEvents

  before(async () => {
    page = await startPage()
    events = listenTo(page.url)
  })
  after(async () => {
    events.close()
    await page.close()
  })
  beforeEach(() => page.worlds.partners.each.points.configure({ latency: 0, failureRate: 0, down: false }))

  const login = (rung: Rung) => request(page.url).post(`/shop/${rung}/logins`).send({ email: 'ada1@shop.example' })
  const act = (rung: Rung, name: 'A' | 'B', action: 'start' | 'kill') =>
    request(page.url).post(`/page/rungs/${rung}/processes/${name}/${action}`)
  const startsOf = (requestIds: readonly (string | undefined)[]) =>
    events.happenings.filter(
      (each): each is TaskStep =>
        each.kind === 'task' && each.step === 'started' && requestIds.includes(each.requestId),
    )
  /** Logs in that often, and leaves every task in the hands of the partner, or behind those. */
  const logInAndHold = async (rung: Rung, count: number, running: number): Promise<(string | undefined)[]> => {
    page.worlds.partners.each.points.configure({ latency: 600_000 })
    const answers = await Promise.all(Array.from({ length: count }, () => login(rung)))
    for (const answer of answers) assert.equal(answer.status, 201)
    const ids = answers.map((answer) => answer.get('x-request-id'))
    await events.until(() => startsOf(ids).length >= running)
    return ids
  }
  /** Whoever has been called does nothing, and is well from now on. */
  const hangUp = (): void => {
    page.worlds.partners.each.points.configure({ latency: 0, down: true })
    page.worlds.partners.each.points.configure({ down: false })
  }
  const doneFor = async (ids: readonly (string | undefined)[]) => {
    const received = await page.worlds.partners.each.points.received()
    return received.filter(({ body }) => ids.includes((body as { requestId: string }).requestId))
  }
  /** With a connection of its own. */
  const rowsOf = async (rung: Rung, ids: readonly (string | undefined)[]) => {
    const prisma = connect((await page.worlds.of(rung)).databaseUrl)
    try {
      const points = await prisma.pointEntry.count({ where: { requestId: { in: ids.map((id) => id ?? '') } } })
      return { points, failures: await prisma.taskFailure.count(), messages: await prisma.outboxMessage.count() }
    } finally {
      await prisma.$disconnect()
    }
  }

  /** `begun request`, in the order of their times. */
  const stepsOf = (requestId: string | undefined): string[] =>
    events.happenings
      .filter((each) => 'requestId' in each && each.requestId === requestId)
      .toSorted((a, b) => a.at - b.at)
      .map((each) => ('step' in each ? `${each.step} ${each.kind}` : each.kind))
  const toldUntil = async (requestId: string | undefined, last: string): Promise<string[]> => {
    await events.until(() => stepsOf(requestId).includes(last))
    await events.until(() => stepsOf(requestId).includes('answered request'))
    return stepsOf(requestId)
  }

  it('tells of a request in memory: its transaction, COMMIT, and only then its task', async () => {
    const answer = await login('after').expect(201)
    const steps = await toldUntil(answer.get('x-request-id'), 'succeeded task')
    const first = ['asked', 'begun request', 'begun transaction', 'committing transaction', 'accepted task']
    assert.deepEqual(steps.slice(0, 5), first)
    assert.deepEqual(steps.slice(5).toSorted(), [
      'answered request',
      'committed transaction',
      'started task',
      'succeeded task',
    ])
  })

  it('tells of a request that calls its partner inside: the call is over before COMMIT', async () => {
    const answer = await login('inside').expect(201)
    assert.deepEqual(await toldUntil(answer.get('x-request-id'), 'succeeded task'), [
      'asked',
      'begun request',
      'begun transaction',
      'started task',
      'succeeded task',
      'committing transaction',
      'committed transaction',
      'answered request',
    ])
  })

  it('tells of a request with the outbox: its message is stored with COMMIT, and the relay runs it', async () => {
    const answer = await login('outbox').expect(201)
    const requestId = answer.get('x-request-id')
    const steps = await toldUntil(requestId, 'succeeded task')
    assert.ok(steps.indexOf('committing transaction') < steps.indexOf('stored task'), steps.join())
    assert.ok(steps.indexOf('stored task') < steps.indexOf('started task'), steps.join())
    const by = events.happenings.flatMap((each) =>
      each.kind === 'task' && each.requestId === requestId ? [`${each.by} ${each.step}`] : [],
    )
    assert.deepEqual(by, ['pool accepted', 'pool stored', 'relay started', 'relay succeeded'])
  })

  it('tells a page that comes back what it has missed, and nothing twice', async () => {
    await login('after').expect(201)
    const first = listenTo(page.url)
    await first.until((happenings) => happenings.length > 0)
    first.close()
    const known = first.happenings.length
    await login('after').expect(201)
    const second = listenTo(page.url, first.lastId())
    const { boot } = await second.hello()
    const [lastBoot, number] = first.lastId().split('.')
    assert.deepEqual([lastBoot, Number(number)], [boot, known])
    await second.until((happenings) => happenings.some(({ kind }) => kind === 'asked'))
    assert.equal(second.happenings.filter(({ kind }) => kind === 'asked').length, 1)
    const third = listenTo(page.url, 'another-boot.5')
    await third.until((happenings) => happenings.length > known)
    assert.deepEqual(third.happenings[0], first.happenings[0])
    second.close()
    third.close()
  })

  it('counts as lost what was pending in memory when its process was killed', async () => {
    // What an earlier request has left would be held, and lost, too.
    await until(async () => (await request(page.url).get('/shop/after/stats')).body.pending === 0)
    const ids = await logInAndHold('after', 14, 10)
    const { lost } = await events.books('after', {})
    await act('after', 'A', 'kill').expect(200)
    hangUp()
    const books = await events.books('after', { inMemory: 0, lost: lost + 14 })
    assert.deepEqual(await rowsOf('after', ids), { points: 14, failures: 0, messages: 0 })
    assert.deepEqual(await doneFor(ids), [])
    assert.deepEqual(
      ids.filter((id) => !books.lostRequests.includes(id ?? '')),
      [],
    )
    const answer = await login('after').expect(201)
    await toldUntil(answer.get('x-request-id'), 'succeeded task')
  })

  it('loses nothing of the outbox: what was stored comes back, each once', async () => {
    const { delivered } = await events.books('outbox', {})
    const ids = await logInAndHold('outbox', 14, 5)
    await act('outbox', 'A', 'kill').expect(200)
    hangUp()
    const books = await events.books('outbox', { stored: 0, inMemory: 0, delivered: delivered + 14 })
    assert.deepEqual([books.lost, books.cameBack, books.twice], [0, 14, 0])
    assert.deepEqual(await rowsOf('outbox', ids), { points: 14, failures: 0, messages: 0 })
    assert.equal((await doneFor(ids)).length, 14)
  })

  it('has the messages of one outbox handled by two processes, and by the other one when one dies', async () => {
    await act('outbox', 'B', 'start').expect(200)
    const { delivered } = await events.books('outbox', {})
    const ids: (string | undefined)[] = []
    const firstOf = (name: string): TaskStep[] =>
      startsOf(ids).filter(({ process, attempt }) => process === name && attempt === 1)
    // A is woken by its own commits, and takes more than it can run at a time: B gets what comes after that.
    while (firstOf('A').length === 0 || firstOf('B').length === 0) {
      assert.ok(ids.length < 400, 'one process has taken everything')
      ids.push(...(await logInAndHold('outbox', 20, 0)))
      // B looks every 250 ms. Where it has found nothing by then, there must be more to find.
      await untilWithin(500, () => firstOf('B').length > 0).catch(() => undefined)
    }
    const first = [...firstOf('A'), ...firstOf('B')].map(({ taskId }) => taskId)
    assert.equal(new Set(first).size, first.length)
    await act('outbox', 'A', 'kill').expect(200)
    hangUp()
    const books = await events.books('outbox', { stored: 0, delivered: delivered + ids.length })
    assert.equal(books.lost, 0)
    assert.equal((await doneFor(ids)).length, ids.length)
  })

  it('answers 502 to a request whose process dies, and has nothing of it in the tables', async () => {
    page.worlds.partners.each.points.configure({ latency: 600_000 })
    const answer = login('inside').then(({ status, body }) => ({ status, body: body as unknown }))
    const calls = events.happenings.filter(isCalled).length
    await events.until((happenings) => happenings.filter(isCalled).length > calls)
    const requestId = events.happenings.findLast(isCalled)?.requestId
    await act('inside', 'A', 'kill').expect(200)
    hangUp()
    const { status, body } = await answer
    assert.equal(status, 502)
    assert.match(JSON.stringify(body), /ShopIsDown/)
    assert.equal((await rowsOf('inside', [requestId])).points, 0)
    assert.equal(events.happenings.filter(({ kind }) => kind === 'unanswered').length, 1)
  })

  it('counts what a partner did for a transaction that did not commit', async () => {
    const { goods } = await events.hello()
    const order = { buyerId: goods.userIds[1], courseId: goods.soldOutIds[0] }
    const { forNothing } = await events.books('inside', {})
    const inside = await request(page.url).post('/shop/inside/orders').send(order).expect(409)
    await request(page.url).post('/shop/after/orders').send(order).expect(409)
    const books = await events.books('inside', { forNothing: forNothing + 1 })
    assert.deepEqual(books.forNothingRequests, [inside.get('x-request-id')])
    assert.equal((await events.books('after', {})).forNothing, 0)
  })

  it('starts a process again that somebody else has killed', async () => {
    const pid = (await page.worlds.of('after')).process('A').pid
    process.kill(pid, 'SIGKILL')
    const isBack = (each: Happening): each is ProcessStep =>
      each.kind === 'process' && each.rung === 'after' && each.state === 'up' && each.at > killedAt
    const killed = (each: Happening): boolean => each.kind === 'process' && each.state === 'killed' && each.pid === pid
    await events.until((happenings) => happenings.some(killed))
    const killedAt = present(events.happenings.find(killed)).at
    await events.until((happenings) => happenings.some(isBack))
    assert.notEqual(present(events.happenings.find(isBack)).pid, pid)
    const answer = await login('after').expect(201)
    await toldUntil(answer.get('x-request-id'), 'succeeded task')
  })

  it('runs again what has failed, when it is told to', async () => {
    page.worlds.partners.each.points.configure({ failureRate: 1 })
    const { failed } = await events.books('after', {})
    const answer = await login('after').expect(201)
    const id = answer.get('x-request-id')
    await events.books('after', { failed: failed + 1 })
    page.worlds.partners.each.points.configure({ failureRate: 0 })
    const retries = await request(page.url).post('/shop/after/failures/retries').expect(200)
    assert.equal((retries.body as { retried: number }).retried, failed + 1)
    await events.books('after', { failed: 0, inMemory: 0 })
    assert.equal((await doneFor([id])).length, 1)
  })

  it('turns the knobs of a partner, for every page', async () => {
    await request(page.url).put('/page/partners/push').send({ latency: 300 }).expect(200)
    await events.until((happenings) =>
      happenings.some((each) => each.kind === 'partner' && each.name === 'push' && each.settings.latency === 300),
    )
    await request(page.url).put('/page/partners/push').send({ speed: 1 }).expect(400)
    await request(page.url).put('/page/partners/nobody').send({ latency: 1 }).expect(400)
    assert.equal(page.worlds.partners.each.push.settings.latency, 300)
  })

  it('lets no other site press its buttons', async () => {
    for (const site of ['cross-site', 'same-site']) {
      await act('after', 'A', 'kill').set('sec-fetch-site', site).expect(403)
      await request(page.url).put('/page/partners/push').set('sec-fetch-site', site).send({ down: true }).expect(403)
    }
    assert.equal(page.worlds.partners.each.push.settings.down, false)
    await act('everywhere' as Rung, 'A', 'kill').expect(400)
  })

  it('serves the page with a strict policy, and nothing else of its folder', async () => {
    const html = await request(page.url).get('/').expect(200)
    const policy = html.get('content-security-policy') ?? ''
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/)
    assert.doesNotMatch(policy, /unsafe|https?:/)
    const script = await request(page.url).get('/page/client/main.js').expect(200)
    assert.match(script.get('content-type') ?? '', /^text\/javascript/)
    assert.doesNotMatch(script.text, /interface|: View\b/)
    for (const path of [
      '/page/client/none.js',
      '/page/front.js',
      '/page/client/tsconfig.json',
      '/page/..%2fserver.js',
    ]) {
      assert.equal((await request(page.url).get(path)).status, 404, path)
    }
  })

  it('answers everything else as the shop does', async () => {
    const courses = await request(page.url).get('/courses').expect(200)
    assert.ok((courses.body as unknown[]).length > 4)
    await request(page.url).post('/logins').send({ email: 'ada1@shop.example' }).expect(201)
    await request(page.url).get('/nothing').expect(404)
    const dashboard = await request(page.url).get('/shop/after/dashboard/').expect(200)
    assert.match(dashboard.text, /<html/)
  })
})

describe('npm start', () => {
  let child: ChildProcess
  const groupIsAlive = (): boolean => {
    try {
      return process.kill(-(child.pid ?? 0), 0)
    } catch {
      return false
    }
  }
  after(() => {
    if (groupIsAlive()) process.kill(-(child.pid ?? 0), 'SIGKILL')
  })

  it('prints its address, and takes its processes with it', async () => {
    const script = fileURLToPath(new URL('../../src/app/page.ts', import.meta.url))
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined, DATABASE_URL: '', PORT: '0' }
    child = spawn(process.execPath, [...process.execArgv, script], {
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
      env,
    })
    let output = ''
    child.stdout?.on('data', (chunk) => (output += String(chunk)))
    const address = () => /^The tutorial is at (http:\S+)$/m.exec(output)?.[1]
    const url = await until(address)
    await request(url).get('/stats').expect(200)
    const exit = once(child, 'exit')
    child.kill('SIGTERM')
    assert.deepEqual(await exit, [0, null])
    await until(() => !groupIsAlive())
  })
})
