import assert from 'node:assert/strict'
import { beforeEach, describe, test, type TestContext } from 'node:test'
import { defineTask } from '../../src/index.js'
import { pollingSource } from '../../src/outbox/polling-source.js'
import { throughPrisma } from '../../src/outbox/database.js'
import type { Delivery } from '../../src/outbox/delivery.js'
import { Outcomes } from '../../src/outbox/outcomes.js'
import { claimOf } from '../../src/outbox/source.js'
import { forEachDatabase, type TestDatabase } from '../support/databases.js'
import { durable, messagesOf, relaying, relayOf } from '../support/outbox.js'
import { insert, sharedClient } from '../support/watched.js'
import { deferred, until } from '../support/wait.js'

const nothing = defineTask('nothing', (_n: number) => undefined, { durable: true })

/** What a relay claims by, without the relay. */
function sourceOf(db: TestDatabase, lease: number, keep = false) {
  const database = throughPrisma(sharedClient(db), db.provider)
  return pollingSource({ database, lease, types: ['nothing', 'keyed'], deadBlocks: true, keep })
}

const hold = ({ id, token }: { id: string; token: number }) => ({ heldId: id, heldToken: token })

/** A message whose holder has died. */
async function abandoned(db: TestDatabase) {
  const { afterCommit } = durable(db, [nothing])
  await afterCommit(nothing, 1).settled
  const stale = sourceOf(db, 1)
  const [message] = await stale.claim(10)
  assert.ok(message, 'it was claimed')
  await until(() => stale.hasSuspects())
  return { stale, message }
}

describe('Rule 31: one relay at a time holds a message, what a stale one says does not count, and commits that come late are seen', () => {
  forEachDatabase((db) => {
    beforeEach(() => db.reset())

    test('several relays handle each message once, while none of them dies', async (t) => {
      const seen: number[] = []
      const task = defineTask(
        'counts',
        async (n: number) => {
          await new Promise((resolve) => setImmediate(resolve))
          seen.push(n)
        },
        { durable: true },
      )
      const made = durable(db, [task])
      const relays = [1, 2, 3].map(() => relayOf(t, made, { batch: 7 }))
      await Promise.all(relays.map((relay) => relay.start()))
      const numbers = Array.from({ length: 300 }, (_, n) => n)
      for (const part of [numbers.slice(0, 100), numbers.slice(100, 200), numbers.slice(200)]) {
        await made.prisma.$transaction(async (tx) => {
          await insert(tx, `${part[0]}`)
          for (const n of part) made.afterCommit(task, n)
        })
      }
      const total = () => relays.reduce((sum, relay) => sum + relay.stats().succeeded, 0)
      await until(() => total() === 300)
      assert.deepEqual(
        seen.toSorted((a, b) => a - b),
        numbers,
      )
      for (const relay of relays) assert.equal(relay.stats().stale, 0)
    })

    test('a lease that has run out is taken over, and the message handled once more', async (t) => {
      await abandoned(db)
      const { relay } = await relaying(t, db, [nothing])
      await until(() => relay.stats().succeeded === 1)
      assert.equal(relay.stats().suspects, 1)
      assert.deepEqual(await messagesOf(db), [])
    })

    test('while a handler runs its lease is renewed, however long it takes', async (t) => {
      const release = deferred()
      let started = 0
      const task = defineTask(
        'long',
        async () => {
          started++
          await release.promise
        },
        { durable: true },
      )
      const lease = 1_500
      const first = await relaying(t, db, [task], { relay: { lease } })
      first.afterCommit(task)
      await until(() => started === 1)
      const second = await relaying(t, db, [task], { relay: { lease } })
      const over = performance.now() + lease
      await until(() => performance.now() > over)
      release.resolve()
      await until(() => first.relay.stats().succeeded === 1)
      assert.deepEqual([started, second.relay.stats().claimed], [1, 0])
    })

    test('a stale completion, failure or renewal touches nothing: not the message that somebody else holds, nor its retry', async () => {
      const { stale, message } = await abandoned(db)
      const fresh = sourceOf(db, 60_000)
      const taken = await fresh.claimSuspect()
      assert.ok(taken && taken.token > message.token)
      const verdict = {
        ...hold(message),
        newStatus: 'dead',
        delay: 0,
        newAttempts: 9,
        failed: 1,
        error: 'late',
      } as const
      const attempts = async () => {
        assert.deepEqual(await stale.complete([hold(message)]), new Set())
        assert.deepEqual(await stale.putBack([verdict]), new Set())
        assert.deepEqual(await stale.renew([hold(message)]), new Set())
      }
      await attempts()
      const held = (await messagesOf(db))[0]
      assert.deepEqual([held?.status, held?.attempts, held?.failCount, held?.lastError], ['processing', 1, 0, null])

      // The attempt that is alive fails: the retry must not be lost to the success of the stale one.
      const retry = { ...verdict, ...hold(taken), newStatus: 'pending', newAttempts: 1, error: 'real' } as const
      assert.deepEqual(await fresh.putBack([retry]), new Set([claimOf(hold(taken))]))
      await attempts()
      const waiting = (await messagesOf(db))[0]
      assert.deepEqual([waiting?.status, waiting?.failCount, waiting?.lastError], ['pending', 1, 'real'])
    })

    for (const keep of [false, true]) {
      test(`a stale and a live claim of one row in one batch are told apart, ${keep ? 'with' : 'without'} retention`, async () => {
        const { message } = await abandoned(db)
        const source = sourceOf(db, 60_000, keep)
        const taken = await source.claimSuspect()
        assert.ok(taken && taken.id === message.id)
        const live = new Set([claimOf(hold(taken))])
        const both = [hold(message), hold(taken)]
        assert.deepEqual(await source.renew(both), live)
        const verdict = { newStatus: 'pending', delay: 0, newAttempts: 0, failed: 0, error: null } as const
        assert.deepEqual(await source.putBack(both.map((held) => Object.assign({}, held, verdict))), live)
        const [again] = await source.claim(1)
        assert.ok(again)
        const delivered = [hold(message), hold(taken), hold(again)].map(
          (held) => ({ held, isEvent: false }) as Delivery,
        )
        const written: Delivery[] = []
        const stale: Delivery[] = []
        const outcomes = new Outcomes({
          source,
          onWritten: ({ delivery }) => written.push(delivery),
          onStale: ({ delivery }) => stale.push(delivery),
          onError: (error) => assert.fail(String(error)),
        })
        for (const delivery of delivered) outcomes.add({ delivery })
        await outcomes.idle()
        assert.deepEqual([stale, written], [delivered.slice(0, 2), delivered.slice(2)])
        assert.deepEqual(
          (await messagesOf(db)).map(({ status }) => status),
          keep ? ['done'] : [],
        )
      })
    }

    test('a relay whose message was taken over aborts its handler and counts the result as stale', async (t) => {
      const aborted = deferred<unknown>()
      const task = defineTask(
        'nothing',
        (_n: number, { signal }: { signal: AbortSignal }) =>
          new Promise<void>((resolve) => {
            signal.addEventListener('abort', () => {
              aborted.resolve(signal.reason)
              resolve()
            })
          }),
        { durable: true },
      )
      const { afterCommit, relay } = await relaying(t, db, [task], { relay: { lease: 1_000 } })
      afterCommit(task, 1)
      await until(() => relay.stats().running === 1)
      await db.execute(`UPDATE "OutboxMessage" SET "lockToken" = "lockToken" + 1`)
      assert.match(String(await aborted.promise), /Another relay/)
      await until(() => relay.stats().stale === 1)
      assert.equal(relay.stats().succeeded, 0)
    })

    test('messages of a key are handled one at a time in the order of their commits, by several relays too', async (t) => {
      const running = new Map<string, number>()
      const seen = new Map<string, number[]>()
      let most = 0
      const task = defineTask(
        'keyed',
        async ({ key, n }: { key: string; n: number }) => {
          running.set(key, (running.get(key) ?? 0) + 1)
          most = Math.max(most, running.get(key) ?? 0)
          await new Promise((resolve) => setTimeout(resolve, 1))
          seen.set(key, [...(seen.get(key) ?? []), n])
          running.set(key, (running.get(key) ?? 0) - 1)
        },
        { durable: true, key: ({ key }: { key: string }) => key },
      )
      const made = durable(db, [task])
      const relays = [1, 2].map(() => relayOf(t, made, { batch: 5 }))
      await Promise.all(relays.map((relay) => relay.start()))
      let failed = 0
      await Promise.all(
        Array.from({ length: 5 }, async (_, writer) => {
          for (let n = 0; n < 6; n++) {
            const number = writer * 100 + n
            // In another order each time: locks that are taken in the order of registration would end in a deadlock.
            const keys = n % 2 === 0 ? ['a', 'b', 'c'] : ['c', 'b', 'a']
            const stored = made.prisma.$transaction(async (tx) => {
              await insert(tx, `${number}`)
              for (const key of keys) made.afterCommit(task, { key, n: number })
            })
            await stored.catch(() => failed++)
          }
        }),
      )
      assert.equal(failed, 0)
      const total = () => relays.reduce((sum, relay) => sum + relay.stats().succeeded, 0)
      await until(() => total() === 90)
      assert.equal(most, 1)
      // Each transaction has one message of each key, so that all keys have the one order of the commits.
      const order = seen.get('a') ?? []
      assert.equal(order.length, 30)
      for (const key of ['b', 'c']) assert.deepEqual(seen.get(key), order)
    })
  })

  forEachDatabase(
    (db) => {
      beforeEach(() => db.reset())

      test('T1 takes its id first and commits last: its message is not passed over', async (t) => {
        const { relay, ...made } = await relaying(t, db, [nothing])
        const t1 = await openWith(t, db, made, undefined)
        await made.prisma.$transaction(async (tx) => {
          await insert(tx, 'b')
          made.afterCommit(nothing, 2)
        })
        await until(() => relay.stats().succeeded === 1)
        await t1.commit()
        await until(() => relay.stats().succeeded === 2)
      })

      test('with a key, whoever commits later has the later id: T2 waits for T1 to end before it takes its own', async (t) => {
        const made = durable(db, [nothing])
        const t1 = await openWith(t, db, made, 'k')
        let ended = false
        const t2 = made.prisma.$transaction((tx) => made.outbox.insert([messageWith(made, 'k', 2)], tx))
        void t2.then(() => (ended = true))
        const other = made.prisma.$transaction((tx) => made.outbox.insert([messageWith(made, 'other', 3)], tx))
        await other
        assert.equal(ended, false)
        await t1.commit()
        await t2
        const ofKey = (await messagesOf(db)).filter(({ key }) => key === 'k')
        assert.deepEqual(
          ofKey.map(({ payload }) => payload),
          ['1', '2'],
        )
      })
    },
    // SQLite has one writer at a time: T2 begins to write when T1 has ended.
    { only: ['postgresql', 'mariadb'] },
  )
})

const messageWith = ({ outbox }: ReturnType<typeof durable>, key: string | null, n: number) =>
  outbox.message({ messageType: 'nothing', payload: String(n), key, requestId: undefined })

/** A transaction that has stored its message, and waits. */
async function openWith(t: TestContext, db: TestDatabase, made: ReturnType<typeof durable>, key: string | undefined) {
  const stored = deferred()
  const release = deferred()
  const done = sharedClient(db).$transaction(async (tx) => {
    await made.outbox.insert([messageWith(made, key ?? null, 1)], tx)
    stored.resolve()
    await release.promise
  })
  t.after(() => release.resolve())
  await stored.promise
  return {
    async commit() {
      release.resolve()
      await done
      made.outbox.wake()
    },
  }
}
