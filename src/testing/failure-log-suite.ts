import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { createAfterCommit } from '../core/after-commit.js'
import { defineTask } from '../core/define-task.js'
import type { FailureLog, FailureQuery, FailureRecord } from '../core/failure-log.js'

export interface FailureLogSuiteOptions {
  /** The runner's own functions: those of node:test, vitest, jest or mocha fit. */
  readonly describe: (name: string, define: () => void) => unknown
  readonly test: (name: string, run: () => Promise<void>) => unknown
  /** Makes a new, empty store, and answers what opens it: each call another instance, as another process would have it. */
  readonly create: () => Promise<() => FailureLog>
}

/**
 * What every store of failures must do: `FailureLog` in words is here in tests.
 *
 * @example
 * failureLogSuite({ describe, test, create: async () => () => myFailureLog(await emptyFolder()) })
 */
export function failureLogSuite({ describe, test, create }: FailureLogSuiteOptions): void {
  describe('writes', () => {
    test('a store that is usable says nothing', async () => {
      const open = await create()
      await open().check()
    })

    test('gives back every field as it was written', async () => {
      const open = await create()
      const full = record({ payload: '{"text":"«Ünïcödé» \\u0000 🎉"}', requestId: '🎉', retryOf: randomUUID() })
      const nothing = { payload: null, errorName: null, errorMessage: null, errorStack: null, requestId: null }
      const empty = record({ ...nothing, status: 'rejected', attempts: 0, lastAttemptAt: null })
      const long = record({ payload: JSON.stringify('🎉'.repeat(50_000)), errorStack: 'line\n'.repeat(1_000) })
      await open().write([full, empty, long])
      const log = open()
      for (const one of [full, empty, long]) assert.deepEqual(plain(await log.get(one.id)), one)
    })

    test('stores any number of records, none included', async () => {
      const open = await create()
      for (const count of [0, 1, 99, 250]) await open().write(records(count))
      assert.equal((await open().list(all)).length, 350)
    })

    test('a record that is stored already stays as it is, and the others of its batch are stored', async () => {
      const open = await create()
      const [first, second, third] = records(3) as [FailureRecord, FailureRecord, FailureRecord]
      await open().write([first])
      await open().transition(first.id, ['failed'], 'retried')
      await open().write([second, { ...first, errorMessage: 'changed' }, third])
      await open().write([first])
      assert.deepEqual(plain(await open().get(first.id)), { ...first, status: 'retried' })
      assert.equal((await open().list(all)).length, 3)
    })

    test('an id that is not there, or is there in another case only, is not found', async () => {
      const open = await create()
      const one = record({ id: randomUUID().replace(/^./, 'a') })
      await open().write([one])
      assert.equal(await open().get(one.id.toUpperCase()), undefined)
      assert.equal(await open().get(randomUUID()), undefined)
    })
  })

  describe('lists', () => {
    test('what fits all conditions', async () => {
      const open = await create()
      const wanted = record({ task: 'b', status: 'interrupted', recordedAt: at(20) })
      await open().write([
        wanted,
        { ...wanted, id: randomUUID(), task: 'a' },
        { ...wanted, id: randomUUID(), status: 'failed' },
        { ...wanted, id: randomUUID(), recordedAt: at(19) },
        { ...wanted, id: randomUUID(), recordedAt: at(30) },
      ])
      const list = async (query: Partial<FailureQuery>) => (await open().list({ ...all, ...query })).length
      assert.equal(await list({}), 5)
      assert.equal(await list({ task: 'b' }), 4)
      assert.equal(await list({ status: ['interrupted'] }), 4)
      assert.equal(await list({ status: ['interrupted', 'failed'] }), 5)
      assert.equal(await list({ status: ['resolved'] }), 0)
      assert.equal(await list({ since: at(20) }), 4, '`since` is included')
      assert.equal(await list({ until: at(30) }), 4, '`until` is not')
      const found = await open().list({ ...all, task: 'b', status: ['interrupted'], since: at(20), until: at(30) })
      assert.deepEqual(found.map(plain), [wanted])
    })

    test('by the time of recording and then by id, in both directions, from any place', async () => {
      const open = await create()
      const written = Array.from({ length: 30 }, (_, n) => record({ recordedAt: at(Math.floor(n / 10)) }))
      await open().write(written.toSorted(() => Math.random() - 0.5))
      const oldest = written.toSorted(byTime).map(({ id }) => id)
      for (const [order, expected] of [
        ['oldest', oldest],
        ['newest', oldest.toReversed()],
      ] as const) {
        const seen: FailureRecord[] = []
        for (let after: FailureRecord | undefined; ; after = seen.at(-1)) {
          const page = await open().list({ order, limit: 7, ...(after && { after }) })
          seen.push(...page)
          if (page.length < 7) break
        }
        assert.deepEqual(
          seen.map(({ id }) => id),
          expected,
        )
      }
    })

    test('each record once, page by page, while others are written', async () => {
      const open = await create()
      const failures = failuresOf(open())
      const before = records(95)
      await open().write(before)
      const writing = new AbortController()
      const writer = (async () => {
        for (let n = 0; !writing.signal.aborted; n++) await open().write([record({ recordedAt: at(n % 200) })])
      })()
      const seen: string[] = []
      let cursor: string | undefined
      do {
        const page = await failures.list({ limit: 10, ...(cursor !== undefined && { cursor }) })
        seen.push(...page.items.map(({ id }) => id))
        cursor = page.nextCursor
      } while (cursor !== undefined)
      writing.abort()
      await writer
      assert.equal(new Set(seen).size, seen.length, 'none is seen twice')
      const missed = before.filter(({ id }) => !seen.includes(id))
      assert.deepEqual(missed, [])
    })
  })

  describe('changes', () => {
    test('a status only from those named, and answers whether it did', async () => {
      const open = await create()
      const one = record({ status: 'unknown' })
      await open().write([one, record()])
      assert.equal(await open().transition(one.id, ['failed', 'rejected'], 'retried'), false)
      assert.equal(await open().transition(randomUUID(), ['failed', 'unknown'], 'retried'), false)
      assert.deepEqual(plain(await open().get(one.id)), one)
      assert.equal(await open().transition(one.id, ['failed', 'unknown'], 'retried'), true)
      assert.equal(await open().transition(one.id, ['failed', 'unknown'], 'retried'), false)
      assert.deepEqual(plain(await open().get(one.id)), { ...one, status: 'retried' })
      assert.equal((await open().list({ ...all, status: ['failed'] })).length, 1)
    })

    test('a status for one of many who ask at once', async () => {
      const open = await create()
      const written = records(20)
      await open().write(written)
      const logs = [open(), open(), open(), open(), open()]
      for (const { id } of written) {
        const answers = await Promise.all(logs.map((log) => log.transition(id, ['failed'], 'retried')))
        assert.equal(answers.filter(Boolean).length, 1)
      }
    })

    test('retries each of 200 failures once, whichever of two instances asks', async () => {
      const open = await create()
      const runs: string[] = []
      const task = defineTask('once', (id: string) => void runs.push(id))
      const ids = Array.from({ length: 200 }, () => randomUUID())
      const written = ids.map((id) => record({ id, task: 'once', payload: JSON.stringify(id) }))
      await open().write(written)
      const instances = [open(), open()].map((failureLog) => createAfterCommit({ failureLog, tasks: [task] }))
      const reports = await Promise.all(instances.map(({ failures }) => failures.retryAll()))
      for (const afterCommit of instances) await afterCommit.idle()
      assert.equal((reports[0]?.retried ?? 0) + (reports[1]?.retried ?? 0), 200)
      assert.deepEqual(runs.toSorted(), ids.toSorted())
      assert.equal((await open().list({ ...all, status: ['retried'] })).length, 200)
    })
  })

  describe('purges', () => {
    test('no more than it is asked for, and nothing else', async () => {
      const open = await create()
      const old = Array.from({ length: 25 }, () => record({ status: 'resolved', recordedAt: at(10) }))
      const young = record({ status: 'resolved', recordedAt: at(20) })
      const failed = record({ recordedAt: at(10) })
      await open().write([...old, young, failed])
      const query = { before: at(20), status: ['resolved', 'retried'], limit: 10 } as const
      assert.equal(await open().purge(query), 10)
      assert.equal((await open().list(all)).length, 17)
      assert.equal(await open().purge(query), 10)
      assert.equal(await open().purge(query), 5)
      assert.equal(await open().purge(query), 0)
      assert.deepEqual((await open().list(all)).map(plain), [young, failed])
    })

    test('20 000 failures in steps, between which the event loop has its turn', async () => {
      const open = await create()
      const log = open()
      for (let n = 0; n < 20; n++) await log.write(records(1_000))
      const steps: number[] = []
      let turns = 0
      let counting = setImmediate(function count() {
        turns++
        counting = setImmediate(count)
      })
      const stepwise = {
        ...log,
        purge: async (query: Parameters<FailureLog['purge']>[0]) => {
          steps.push(turns)
          return await log.purge(query)
        },
      }
      const purged = await failuresOf(stepwise).purge({ before: new Date(), status: 'failed' })
      clearImmediate(counting)
      assert.equal(purged, 20_000)
      assert.equal(steps.length, 21)
      assert.equal(new Set(steps).size, 21, 'others ran between any two steps')
      assert.deepEqual(await open().list(all), [])
    })
  })
}

const all = { order: 'newest', limit: 1_000 } as const

const failuresOf = (failureLog: FailureLog) => createAfterCommit({ failureLog }).failures

/** A moment, so many milliseconds after a fixed one. */
const at = (milliseconds: number) => new Date(Date.UTC(2026, 1, 28, 12) + milliseconds)

function record(more: Partial<FailureRecord> = {}): FailureRecord {
  return {
    id: randomUUID(),
    task: 'give-points',
    payload: '{"user":7}',
    status: 'failed',
    errorName: 'Error',
    errorMessage: 'boom',
    errorStack: 'Error: boom\n    at somewhere',
    attempts: 4,
    requestId: 'request 7',
    retryOf: null,
    registeredAt: at(0),
    lastAttemptAt: at(1),
    recordedAt: at(2),
    ...more,
  }
}

const records = (length: number) => Array.from({ length }, (_, n) => record({ recordedAt: at(n % 100) }))

const byTime = (a: FailureRecord, b: FailureRecord) =>
  a.recordedAt.getTime() - b.recordedAt.getTime() || (a.id < b.id ? -1 : 1)

/** Without what a store may have added, e.g. a prototype. */
const plain = (one: FailureRecord | undefined) => one && { ...one }
