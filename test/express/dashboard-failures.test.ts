// What the dashboard shows of failures and dead messages, and what it does with them.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import request from 'supertest'
import type {
  DeadDetails,
  DeadRow,
  FailureDetails,
  FailureRow,
  Page,
  Report,
  State,
} from '../../src/express/dashboard/answers.js'
import {
  createAfterCommit,
  defineTask,
  type FailureLog,
  type FailureRecord,
  prismaFailureLog,
} from '../../src/index.js'
import { record } from '../failure-logs/record.js'
import { mounted, post, read } from '../support/dashboard.js'
import { forEachDatabase } from '../support/databases.js'
import type { DatabaseName } from '../support/servers.js'
import { durable, messagesOf, relaying } from '../support/outbox.js'
import { failureLogThat, recordingLogger, start } from '../support/recorders.js'
import { until } from '../support/wait.js'

const markup = `<script>alert('task')</script>`

async function startWith(records: readonly FailureRecord[], options: Parameters<typeof start>[0] = {}) {
  const started = start(options)
  await started.failures.write(records)
  return started
}

const hour = (n: number) => new Date(Date.UTC(2026, 1, 28, n))

describe('the failures of a dashboard', () => {
  test('are listed as JSON, with the markup in them as it is, and no payload', async () => {
    const failure = record({
      task: markup,
      payload: JSON.stringify({ html: markup }),
      errorMessage: `${markup}\nsecond line`,
    })
    const app = mounted((await startWith([failure, record({ payload: null })])).afterCommit)
    const response = await request(app).get('/tasks/api/failures')
    assert.match(response.get('content-type') ?? '', /^application\/json/)
    const { items } = response.body as Page<FailureRow>
    const { id, task, status, errorName, attempts } = failure
    const row = {
      id,
      task,
      status,
      errorName,
      errorMessage: markup,
      attempts,
      recordedAt: failure.recordedAt.toISOString(),
    }
    assert.deepEqual(
      items.find((each) => each.id === id),
      { ...row, isClosure: false },
    )
    assert.equal(items.find((each) => each.id !== id)?.isClosure, true)
    const details = await read<FailureDetails>(app, 'failure', { id })
    assert.equal(details.errorMessage, failure.errorMessage)
    assert.equal(details.errorStack, failure.errorStack)
    assert.deepEqual(details.payload, { kind: 'json', json: JSON.stringify({ html: markup }, undefined, 2) })
    assert.equal((await request(app).get('/tasks/api/failure').query({ id: 'nobody' })).status, 404)
  })

  test('are filtered by status, task and time, and a filter that makes no sense is refused', async () => {
    const all = (['failed', 'rejected', 'unknown', 'resolved'] as const).flatMap((status, index) =>
      ['a', 'b'].map((task) => record({ status, task, recordedAt: hour(index) })),
    )
    const app = mounted((await startWith(all)).afterCommit)
    const found = async (query: Record<string, string>) =>
      (await read<Page<FailureRow>>(app, 'failures', query)).items
        .map(({ status, task }) => `${status} ${task}`)
        .toSorted()
    assert.equal((await found({})).length, 8)
    assert.deepEqual(await found({ status: 'failed,unknown', task: 'a' }), ['failed a', 'unknown a'])
    assert.deepEqual(await found({ since: hour(1).toISOString(), until: hour(3).toISOString(), task: 'b' }), [
      'rejected b',
      'unknown b',
    ])
    for (const query of [{ status: 'nonsense' }, { since: 'yesterday' }, { cursor: 'nowhere' }]) {
      const { status, body } = await request(app).get('/tasks/api/failures').query(query)
      assert.deepEqual([status, Object.keys(body as object)], [400, ['error']])
    }
  })

  test('show no secret that the mask takes out, and nothing of a payload whose mask fails', async () => {
    const secret = 'hunter2'
    const failures = ['login', 'broken', 'nothing', 'empty'].map((task) =>
      record({ task, payload: task === 'empty' ? '' : JSON.stringify({ user: 7, password: secret }) }),
    )
    const asked: unknown[] = []
    const mask = (payload: unknown, about: { task: string; id: string }): unknown => {
      asked.push([payload, about])
      if (about.task === 'broken') throw new Error(secret)
      return about.task === 'nothing' ? undefined : { ...(payload as object), password: '•••' }
    }
    const app = mounted((await startWith(failures)).afterCommit, { mask })
    const texts: string[] = [
      (await request(app).get('/tasks/api/failures')).text,
      (await request(app).get('/tasks/api/state')).text,
    ]
    const shown: unknown[] = []
    for (const { id } of failures) {
      const response = await request(app).get('/tasks/api/failure').query({ id })
      texts.push(response.text)
      shown.push((response.body as FailureDetails).payload)
    }
    const json = JSON.stringify({ user: 7, password: '•••' }, undefined, 2)
    assert.deepEqual(shown, [{ kind: 'json', json }, { kind: 'hidden' }, { kind: 'hidden' }, { kind: 'empty' }])
    assert.deepEqual(
      texts.filter((text) => text.includes(secret)),
      [],
    )
    assert.deepEqual(asked[0], [
      { user: 7, password: secret },
      { task: 'login', id: failures[0]?.id },
    ])
  })

  test('are retried by their ids; the page is told what became of each, and why some were not', async () => {
    let well = false
    const pays = defineTask('pays', () => (well ? undefined : Promise.reject(new Error('boom'))), { retry: false })
    const good = record({ task: 'pays' })
    const bad = record({ task: 'pays' })
    const closure = record({ payload: null })
    const { afterCommit, failures } = await startWith([good, bad, closure], { tasks: [pays] })
    const app = mounted(afterCommit)
    const before = await read<State>(app, 'state')
    const failed = (await post(app, 'failures/retry', { ids: [bad.id] })).body as Report
    assert.deepEqual(failed, { done: 1, reasons: {}, nextCursor: null })
    await afterCommit.idle()
    well = true
    const report = (await post(app, 'failures/retry', { ids: [good.id, closure.id, bad.id, 'nobody'] })).body as Report
    await afterCommit.idle()
    assert.equal(report.done, 1)
    const reasons = Object.keys(report.reasons).toSorted().join(' | ')
    assert.match(
      reasons,
      /The failure … has been retried already.*There is no failure with the id nobody.*is a closure/,
    )
    const after = await read<State>(app, 'state')
    assert.deepEqual(
      after.retries.map(({ of, status }) => [of, status]),
      [
        [bad.id, 'failed'],
        [good.id, 'succeeded'],
      ],
    )
    assert.notEqual(after.changes, before.changes)
    assert.equal((await failures.get(closure.id))?.status, 'failed')
    const again = (await failures.list({ order: 'newest', limit: 10 })).find(({ retryOf }) => retryOf === bad.id)
    assert.equal(again?.status, 'failed')
  })

  test('with the status unknown are retried by "all" only where no other status is asked for', async () => {
    const pays = defineTask('pays', () => undefined)
    const all = [
      record({ task: 'pays', status: 'unknown' }),
      record({ task: 'pays' }),
      record({ task: 'pays', status: 'resolved' }),
    ]
    const { afterCommit } = await startWith(all, { tasks: [pays] })
    const app = mounted(afterCommit)
    const retryAll = async (body: object) => ((await post(app, 'failures/retry-all', body)).body as Report).done
    assert.equal(await retryAll({ status: 'resolved,retried' }), 0)
    assert.equal(await retryAll({ status: 'failed,rejected,interrupted,unknown' }), 1)
    assert.equal(await retryAll({ status: 'unknown' }), 1)
    await afterCommit.idle()
    assert.equal(afterCommit.stats().succeeded, 2)
  })

  test('of a store that does not answer are an error of the store, and the rest of the page works', async () => {
    const failureLog = failureLogThat({ list: () => Promise.reject(new Error('the table is locked')) })
    const app = mounted(start({ failureLog }).afterCommit)
    const { status, body } = await request(app).get('/tasks/api/failures')
    assert.deepEqual([status, body], [502, { error: 'The store does not answer: the table is locked' }])
    assert.equal((await request(app).get('/tasks/api/state')).status, 200)
  })

  test('are said to be nowhere, where there is no failure log', async () => {
    const app = mounted(createAfterCommit({ logger: recordingLogger() }))
    const { status, body } = await request(app).get('/tasks/api/failures')
    assert.equal(status, 400)
    assert.match(
      (body as { error: string }).error,
      /There is no failure log: give `createAfterCommit` the option `failureLog`/,
    )
  })

  forEachDatabase(
    (db) => {
      test('100 000 of them are paged by the store, filtered, retried and resolved in steps', async () => {
        const client = db.newClient()
        const store = prismaFailureLog(() => client)
        const limits: number[] = []
        const failureLog: FailureLog = {
          ...store,
          list(query) {
            limits.push(query.limit)
            return store.list(query)
          },
        }
        const began = Date.UTC(2026, 1, 28)
        const rare = 250
        await db.execute(hundredThousand(db.name, rare))
        const task = defineTask('rare', () => undefined)
        const { afterCommit } = start({ failureLog, tasks: [task] })
        const app = mounted(afterCommit)

        const seen: string[] = []
        let cursor: string | null = ''
        for (let page = 0; page < 20 && cursor !== null; page++) {
          const answer: Page<FailureRow> = await read(app, 'failures', { cursor, status: 'failed' })
          seen.push(...answer.items.map(({ recordedAt }) => recordedAt))
          cursor = answer.nextCursor
        }
        assert.deepEqual(
          seen,
          Array.from({ length: 1_000 }, (_, n) => new Date(began + 99_999 - n).toISOString()),
        )

        const all = async (action: string): Promise<number[]> => {
          const steps: number[] = []
          let next: string | null = null
          do {
            const report = (await post(app, `failures/${action}`, { task: 'rare', cursor: next })).body as Report
            steps.push(report.done)
            next = report.nextCursor
          } while (next !== null)
          return steps
        }
        assert.deepEqual(await all('retry-all'), [200, 50])
        await afterCommit.idle()
        assert.equal(afterCommit.stats().succeeded, rare)
        const back = await db.query<{ n: number }>(
          `SELECT count(*) AS n FROM "TaskFailure" WHERE "status" = 'retried' AND "task" = 'rare'`,
        )
        assert.equal(Number(back[0]?.n), rare)
        await db.execute(`UPDATE "TaskFailure" SET "status" = 'failed' WHERE "task" = 'rare'`)
        assert.deepEqual(await all('resolve-all'), [200, 50])
        const rows = await db.query<{ status: string; n: number }>(
          `SELECT "status", count(*) AS n FROM "TaskFailure" GROUP BY "status" ORDER BY "status"`,
        )
        assert.deepEqual(
          rows.map(({ status, n }) => `${n} ${status}`),
          [`${100_000 - rare} failed`, `${rare} resolved`],
        )
        assert.ok(Math.max(...limits) <= 201, `${Math.max(...limits)} rows at once`)
      })
    },
    { only: ['sqlite', 'postgresql'] },
  )
})

/** Failures a millisecond apart, some of them of the task `rare`, in one statement: written one by one they would take a minute. */
function hundredThousand(database: DatabaseName, rare: number): string {
  const [numbers, time] =
    database === 'sqlite'
      ? [
          'WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999) SELECT i FROM n',
          `strftime('%Y-%m-%dT%H:%M:%f+00:00', 1772236800 + i / 1000.0, 'unixepoch')`,
        ]
      : ['SELECT generate_series(0, 99999) AS i', `timestamp '2026-02-28' + i * interval '1 millisecond'`]
  return `INSERT INTO "TaskFailure" ("id", "task", "payload", "status", "attempts", "registeredAt", "recordedAt")
    SELECT 'id ' || i, CASE WHEN i % 200 = 0 AND i < ${200 * rare} THEN 'rare' ELSE 'give-points' END, '', 'failed', 4, ${time}, ${time}
    FROM (${numbers}) AS numbers`
}

describe('the outbox of a dashboard', () => {
  test('is not asked for where there is none', async () => {
    const app = mounted(start().afterCommit)
    assert.equal((await request(app).get('/tasks/api/dead')).status, 404)
    assert.equal((await post(app, 'dead/discard', { ids: ['1'] })).status, 404)
  })

  forEachDatabase(
    (db) => {
      test('shows its backlog and its dead messages, masked; they are retried and discarded', async (t) => {
        await db.reset()
        let well = false
        const pays = defineTask(
          'pays',
          (_secret: { secret: string }) => (well ? undefined : Promise.reject(new Error('boom\nat somewhere'))),
          {
            durable: true,
            retry: false,
            key: () => markup,
          },
        )
        const { afterCommit, outbox, prisma, relay } = await relaying(t, db, [pays], { options: { afterDead: 'skip' } })
        const app = mounted(afterCommit, { outbox, relay, mask: () => 'masked' })
        const first = await read<State>(app, 'state')
        assert.equal(first.outbox?.backlog, null)
        await prisma.$transaction(async () => {
          for (let n = 0; n < 3; n++) afterCommit(pays, { secret: `hunter${n}` })
        })
        await until(() => relay.stats().dead === 3)
        const { items } = await read<Page<DeadRow>>(app, 'dead')
        assert.deepEqual(
          items.map(({ task, key, attempts, lastError }) => [task, key, attempts, lastError]),
          Array.from({ length: 3 }, () => ['pays', markup, 1, 'Error: boom']),
        )
        const [a, b, c] = items.map(({ id }) => id)
        assert.ok(a !== undefined && b !== undefined && c !== undefined)
        const details = await read<DeadDetails>(app, 'dead-message', { id: b })
        assert.deepEqual([details.id, details.payload], [b, { kind: 'json', json: '"masked"' }])
        for (const id of ['0', 'x', '99999']) {
          assert.equal((await request(app).get('/tasks/api/dead-message').query({ id })).status, 404)
        }
        assert.equal((await request(app).get('/tasks/api/dead').query({ cursor: "1' OR 1" })).status, 400)

        assert.deepEqual((await post(app, 'dead/discard', { ids: [a] })).body, {
          done: 1,
          reasons: {},
          nextCursor: null,
        })
        well = true
        const report = (await post(app, 'dead/retry', { ids: [a, b] })).body as Report
        assert.deepEqual([report.done, Object.values(report.reasons)], [1, [1]])
        await until(() => relay.stats().succeeded === 1)
        assert.deepEqual(
          (await messagesOf(db)).map(({ id, status }) => [String(id), status]),
          [[c, 'dead']],
        )
        // A look that had begun earlier may have counted the message before it was handled.
        const last = await until(async () => {
          const { outbox: now } = await read<State>(app, 'state')
          const found = now?.backlog && 'dead' in now.backlog ? now.backlog : undefined
          return found?.dead === 1 && found.pending + found.processing === 0 && now
        })
        assert.deepEqual(last, {
          backlog: { pending: 0, processing: 0, dead: 1, oldestPendingMs: 0 },
          relay: relay.stats(),
        })
      })

      test('that does not answer is said, and the state does not wait for it', async () => {
        const { afterCommit, outbox } = durable(db, [])
        const app = mounted(afterCommit, { outbox: { ...outbox, backlog: () => Promise.reject(new Error('gone')) } })
        const hanging = mounted(afterCommit, { outbox: { ...outbox, backlog: () => new Promise(() => undefined) } })
        await read<State>(app, 'state')
        assert.deepEqual((await read<State>(app, 'state')).outbox?.backlog, { error: 'gone' })
        assert.equal((await read<State>(hanging, 'state')).outbox?.backlog, null)
      })
    },
    { only: ['sqlite', 'postgresql'] },
  )
})
