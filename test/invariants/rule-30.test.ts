import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { defineTask, type TaskContext } from '../../src/index.js'
import { inbox } from '../../src/outbox/index.js'
import { forEachDatabase } from '../support/databases.js'
import { durable, messagesOf, relaying } from '../support/outbox.js'
import { relayProcessesUntil } from '../support/relay-process.js'
import { insert, rowsOf, sharedClient, type Tx } from '../support/watched.js'
import { until } from '../support/wait.js'

describe('Rule 30: a committed message is delivered at least once, whatever dies, and with the inbox its effect happens once', () => {
  forEachDatabase((db) => {
    beforeEach(() => db.reset())
    const isEmpty = async () => (await messagesOf(db)).length === 0

    test('messages outlive the processes that are killed while they handle them: none is lost, no effect happens twice', async (t) => {
      const work = defineTask('work', (_payload: { name: string; kills?: 'before' | 'after' }) => undefined, {
        durable: true,
      })
      const { afterCommit, prisma } = durable(db, [work])
      const names = Array.from({ length: 30 }, (_, n) => `m${n}`)
      await prisma.$transaction(async (tx) => {
        await insert(tx, 'first')
        for (const name of names) afterCommit(work, { name, ...(name === 'm7' && { kills: 'after' as const }) })
      })
      const lines = await relayProcessesUntil(t, db, isEmpty)
      assert.deepEqual((await rowsOf(db)).toSorted(), ['first', ...names].toSorted())
      // It had its effect before it killed, and was delivered again.
      assert.ok(lines.filter((line) => line.startsWith('started m7 ')).length >= 2, lines.join('\n'))
    })

    test('what is rolled back is never delivered', async (t) => {
      const seen: number[] = []
      const task = defineTask('sees', (n: number) => void seen.push(n), { durable: true })
      const { afterCommit, prisma, relay } = await relaying(t, db, [task])
      const boom = new Error('boom')
      for (const n of [1, 2, 3]) {
        const transaction = prisma.$transaction(async (tx) => {
          await insert(tx, `${n}`)
          afterCommit(task, n)
          if (n === 2) throw boom
        })
        await (n === 2 ? assert.rejects(transaction, boom) : transaction)
      }
      await until(() => relay.stats().succeeded === 2)
      assert.deepEqual(new Set(seen), new Set([1, 3]))
    })

    test('duplicates have the same message id, and the inbox lets one of them have its effect', async (t) => {
      const client = sharedClient(db)
      const ids: (string | undefined)[] = []
      const effects: boolean[] = []
      const task = defineTask(
        'twice',
        async (name: string, context: TaskContext) => {
          ids.push(context.messageId)
          effects.push(await inbox(client, context, (tx: Tx) => insert(tx, name)))
          if (context.attempt === 1) throw new Error('the answer was lost')
        },
        { durable: true },
      )
      const { afterCommit, relay } = await relaying(t, db, [task])
      const { id } = afterCommit(task, 'ada')
      await until(() => relay.stats().succeeded === 1)
      assert.deepEqual(ids, [id, id])
      assert.deepEqual(effects, [true, false])
      assert.deepEqual(await rowsOf(db), ['ada'])
    })
  })
})
