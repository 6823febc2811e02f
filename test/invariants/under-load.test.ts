import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { beforeEach, describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { forEachDatabase } from '../support/databases.js'
import { lacks, nestedIn, savepoints } from '../support/prisma-version.js'
import { insert, rowsOf, watched } from '../support/watched.js'

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)

/** 100 000 log lines are not what this is about. */
const quiet = { debug() {}, info() {}, warn() {}, error() {}, fatal() {} }

describe('Rules 1, 2, 5 and 19 hold under load', () => {
  forEachDatabase((db) => {
    beforeEach(() => db.reset())

    test('50 transactions in parallel of which half fail: tasks ran for the rows that are there, and for no other', async () => {
      const { prisma, afterCommit, both, events, outcome } = watched(db)
      const hooks: string[] = []
      const ends = await Promise.allSettled(
        numbers(50).map((n) =>
          prisma.$transaction(async (tx) => {
            afterCommit.onRollback(() => hooks.push(`${n}`))
            await both(tx, `${n}`)
            await nestedIn(tx, (inner) => both(inner, `${n} nested`))
            if (n % 2 === 0) throw new Error('every second one')
          }),
        ),
      )
      const [odd, even] = [1, 0].map((rest) =>
        numbers(50)
          .filter((n) => n % 2 === rest)
          .map(String),
      )
      const committed = (odd ?? []).flatMap((n) => [n, `${n} nested`]).toSorted()
      const { ran, rows } = await outcome()
      assert.deepEqual([ran.toSorted(), rows.toSorted()], [committed, committed])
      assert.deepEqual(hooks.toSorted(), even?.toSorted())
      assert.equal(ends.filter(({ status }) => status === 'rejected').length, 25)
      assert.equal(events.filter((event) => event.startsWith('discarded')).length, 50)
    })

    test('500 interleaved requests at concurrency 1: each task sees the id of its own request', async () => {
      const requestId = new AsyncLocalStorage<number>()
      const { prisma, afterCommit, outcome } = watched(db, {
        concurrency: 1,
        requestId: () => String(requestId.getStore()),
      })
      const seen: [registered: number, ran: number | undefined, logged: string | undefined][] = []
      const request = async (n: number): Promise<void> => {
        for (let turns = n % 7; turns > 0; turns--) await turn()
        const register = (): void => {
          const handle = afterCommit(async () => {
            await turn()
            seen.push([n, requestId.getStore(), handle.requestId])
          })
        }
        // Every tenth writes in a transaction, every fiftieth of those is rolled back; the others only register.
        if (n % 10 !== 0) return register()
        const transaction = prisma.$transaction(async (tx) => {
          await insert(tx, String(n))
          register()
          if (n % 50 === 0) throw new Error('no')
        })
        await transaction.catch((error: unknown) => assert.match(String(error), /no$/))
      }
      await Promise.all(numbers(500).map((n) => requestId.run(n, () => request(n))))
      const { rows } = await outcome()
      const kept = numbers(500).filter((n) => n % 50 !== 0)
      assert.deepEqual(
        seen.toSorted(([a], [b]) => a - b),
        kept.map((n) => [n, n, String(n)]),
      )
      assert.deepEqual(
        rows.map(Number).toSorted((a, b) => a - b),
        kept.filter((n) => n % 10 === 0),
      )
    })

    if (db.name !== 'mariadb') {
      test('100 000 registrations in one transaction: all run, in order, and only after the commit', async (t) => {
        if (lacks(t, savepoints)) return
        const count = 100_000
        const { prisma, afterCommit } = watched(db, { maxPending: count, logger: quiet })
        const ran: number[] = []
        await prisma.$transaction(async (tx) => {
          await insert(tx, 'a')
          for (let n = 1; n <= count / 2; n++) afterCommit('task', () => void ran.push(n))
          await tx.$transaction(async (inner) => {
            await insert(inner, 'b')
            for (let n = count / 2 + 1; n <= count; n++) afterCommit('task', () => void ran.push(n))
          })
          assert.equal(ran.length, 0)
        })
        await afterCommit.idle()
        assert.deepEqual([ran.length, ran.findIndex((n, index) => n !== index + 1)], [count, -1])
        assert.deepEqual(await rowsOf(db), ['a', 'b'])
        assert.deepEqual([afterCommit.stats().succeeded, afterCommit.stats().pending], [count, 0])
      })
    }

    test('10 000 registrations in a transaction that rolls back: none runs, and none is left behind', async () => {
      const { prisma, afterCommit } = watched(db)
      let ran = 0
      const transaction = prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        for (let n = 0; n < 10_000; n++) afterCommit('task', () => void ran++)
        throw new Error('no')
      })
      await assert.rejects(transaction, /no/)
      await afterCommit.idle()
      const { accepted, discarded, pending, reserved } = afterCommit.stats()
      assert.deepEqual(
        { ran, accepted, discarded, pending, reserved },
        { ran: 0, accepted: 0, discarded: 10_000, pending: 0, reserved: 0 },
      )
      assert.deepEqual(await rowsOf(db), [])
    })
  })
})
