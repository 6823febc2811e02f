import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { AbortError, defineTask } from '../../src/index.js'
import { forEachDatabase } from '../support/databases.js'
import { durable, messagesOf, relaying } from '../support/outbox.js'
import { relayProcessesUntil } from '../support/relay-process.js'
import { insert, rowsOf } from '../support/watched.js'
import { until } from '../support/wait.js'

describe('Rule 32: a poison message ends as dead, listed and retryable, and none of its neighbours pays for it', () => {
  forEachDatabase((db) => {
    beforeEach(() => db.reset())

    test('one whose handler always fails uses up its attempts, while the others go on', async (t) => {
      const seen: number[] = []
      let healed = false
      const task = defineTask(
        'fragile',
        (n: number) => {
          if (n === 2 && !healed) throw new Error('poison')
          seen.push(n)
        },
        { durable: true },
      )
      const { afterCommit, outbox, prisma, relay } = await relaying(t, db, [task], { relay: { maxAttempts: 3 } })
      await prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        for (const n of [1, 2, 3]) afterCommit(task, n)
      })
      await until(() => relay.stats().dead === 1)
      assert.deepEqual(new Set(seen), new Set([1, 3]))
      const [dead, ...others] = await outbox.dead.list()
      assert.deepEqual(others, [])
      assert.deepEqual(
        { payload: dead?.payload, attempts: dead?.attempts, failCount: dead?.failCount },
        { payload: '2', attempts: 3, failCount: 3 },
      )
      assert.match(dead?.lastError ?? '', /poison/)

      healed = true
      const retries = await Promise.all([outbox.dead.retry(dead?.id ?? ''), outbox.dead.retry(dead?.id ?? '')])
      assert.deepEqual(retries.toSorted(), [false, true])
      await until(() => relay.stats().succeeded === 3)
      assert.deepEqual(await outbox.dead.list(), [])
    })

    test('a task may have attempts of its own, and an AbortError ends them all', async (t) => {
      const attempts: string[] = []
      const boom = (name: string, error: () => Error) => (_: void, context: { attempt: number }) => {
        attempts.push(`${name} ${context.attempt}`)
        throw error()
      }
      const once = defineTask(
        'once',
        boom('once', () => new Error('no')),
        { durable: true, retry: false },
      )
      const twice = defineTask(
        'twice',
        boom('twice', () => new Error('no')),
        { durable: true, retry: { retries: 1 } },
      )
      const final = defineTask(
        'final',
        boom('final', () => new AbortError('no use')),
        { durable: true },
      )
      const { afterCommit, relay } = await relaying(t, db, [once, twice, final])
      for (const task of [once, twice, final]) afterCommit(task)
      await until(() => relay.stats().dead === 3)
      assert.deepEqual(attempts.toSorted(), ['final 1', 'once 1', 'twice 1', 'twice 2'])
    })

    test('one that kills its process is dead in the end, and its 40 neighbours are handled', async (t) => {
      const work = defineTask('work', (_payload: { name: string; kills?: 'before' | 'after' }) => undefined, {
        durable: true,
      })
      const { afterCommit, outbox, prisma } = durable(db, [work])
      const names = Array.from({ length: 41 }, (_, n) => `m${n}`)
      await prisma.$transaction(async (tx) => {
        await insert(tx, 'first')
        for (const name of names) afterCommit(work, { name, ...(name === 'm5' && { kills: 'before' as const }) })
      })
      const onlyDead = async () => (await messagesOf(db)).every(({ status }) => status === 'dead')
      const lines = await relayProcessesUntil(t, db, onlyDead)
      const dead = await outbox.dead.list()
      assert.deepEqual(
        dead.map(({ payload }) => (JSON.parse(payload) as { name: string }).name),
        ['m5'],
      )
      assert.equal(dead[0]?.attempts, 3)
      const innocent = names.filter((name) => name !== 'm5')
      assert.deepEqual((await rowsOf(db)).toSorted(), ['first', ...innocent].toSorted())
      // The attempt of the batch, of which nobody knows that it was the one, and those that count.
      assert.equal(lines.filter((line) => line.startsWith('started m5 ')).length, 4)
    })

    for (const afterDead of ['block', 'skip'] as const) {
      const behind = afterDead === 'block' ? 'waits until it is retried' : 'goes on, and what is retried comes last'
      test(`what is behind a dead one of its key, with \`afterDead: '${afterDead}'\`, ${behind}`, async (t) => {
        const seen: number[] = []
        let healed = false
        const task = defineTask(
          'ordered',
          (n: number) => {
            if (n === 1 && !healed) throw new Error('poison')
            seen.push(n)
          },
          { durable: true, key: () => 'k', retry: false },
        )
        const { afterCommit, outbox, prisma, relay } = await relaying(t, db, [task], { options: { afterDead } })
        await prisma.$transaction(async (tx) => {
          await insert(tx, 'a')
          for (const n of [0, 1, 2]) afterCommit(task, n)
        })
        await until(() => relay.stats().dead === 1)
        if (afterDead === 'skip') await until(() => seen.length === 2)
        const [dead] = await outbox.dead.list()
        healed = true
        assert.equal(await outbox.dead.retry(dead?.id ?? ''), true)
        await until(() => relay.stats().succeeded === 3)
        assert.deepEqual(seen, afterDead === 'block' ? [0, 1, 2] : [0, 2, 1])
      })
    }

    test('a dead one can be discarded, and what is behind it goes on', async (t) => {
      const task = defineTask(
        'ordered',
        (n: number) => {
          if (n === 1) throw new Error('poison')
        },
        { durable: true, key: () => 'k', retry: false },
      )
      const { afterCommit, outbox, prisma, relay } = await relaying(t, db, [task])
      await prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        for (const n of [1, 2]) afterCommit(task, n)
      })
      await until(() => relay.stats().dead === 1)
      const [dead] = await outbox.dead.list()
      assert.equal(await outbox.dead.discard(dead?.id ?? ''), true)
      await until(() => relay.stats().succeeded === 1)
      assert.deepEqual(await messagesOf(db), [])
    })
  })
})
