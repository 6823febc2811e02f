import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { defineTask, type TaskContext } from '../../src/index.js'
import type { PrismaClient } from '../../prisma/client/sqlite/client.js'
import { fakeClient } from '../../src/testing/index.js'
import { forEachDatabase } from '../support/databases.js'
import { durable, messagesOf, relaying, relayOf } from '../support/outbox.js'
import { insert, sharedClient } from '../support/watched.js'
import { deferred, until } from '../support/wait.js'

const options = { durable: true } as const

describe('createRelay', () => {
  forEachDatabase((db) => {
    beforeEach(() => db.reset())
    const empty = () => until(async () => (await messagesOf(db)).length === 0)

    test('runs the task of a committed message once, with its payload and its context, and deletes the row', async (t) => {
      const seen: unknown[] = []
      const task = defineTask(
        'greets',
        (payload: { name: string }, { id, messageId, name, attempt, signal }: TaskContext) =>
          void seen.push([payload, id, messageId, name, attempt, signal.aborted]),
        options,
      )
      const { afterCommit, prisma, relay } = await relaying(t, db, [task])
      const { id } = await prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        return afterCommit(task, { name: 'ada' })
      })
      await empty()
      assert.deepEqual(seen, [[{ name: 'ada' }, id, id, 'greets', 1, false]])
      const { claimed, succeeded, stale, errors } = await relay.stop()
      assert.deepEqual({ claimed, succeeded, stale, errors }, { claimed: 1, succeeded: 1, stale: 0, errors: 0 })
    })

    test('is woken by a commit of its own process: it does not wait for the next poll', async (t) => {
      const ran = deferred()
      const task = defineTask('soon', () => ran.resolve(), options)
      const { afterCommit, prisma, relay } = await relaying(t, db, [task], { relay: { pollInterval: 60_000 } })
      await until(() => relay.stats().running === 0)
      await prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        afterCommit(task)
      })
      await ran.promise
    })

    test('tries again after the backoff, which is in the table, and then succeeds', async (t) => {
      const attempts: number[] = []
      const task = defineTask(
        'flaky',
        (_: void, { attempt }: TaskContext) => {
          attempts.push(attempt)
          if (attempt < 3) throw new Error(`no ${attempt}`)
        },
        options,
      )
      const { afterCommit, relay } = await relaying(t, db, [task])
      afterCommit(task)
      await afterCommit.idle()
      await until(() => relay.stats().succeeded === 1)
      assert.deepEqual(attempts, [1, 2, 3])
      assert.equal(relay.stats().retried, 2)
    })

    test('a backoff lasts by the clock of the database', async (t) => {
      const task = defineTask('later', () => Promise.reject(new Error('no')), options)
      const { afterCommit, relay } = await relaying(t, db, [task], {
        relay: { retry: { minTimeout: 60_000, randomize: false } },
      })
      afterCommit(task)
      await until(() => relay.stats().retried === 1)
      const [row] = await messagesOf(db)
      assert.deepEqual([row?.status, row?.attempts, row?.failCount], ['pending', 1, 1])
      assert.match(row?.lastError ?? '', /^Error: no/)
      const due = new Date((row as unknown as { availableAt: string | Date }).availableAt).getTime() - Date.now()
      assert.ok(due > 50_000 && due < 61_000, `due in ${due} ms`)
    })

    test('with `retention` a handled message stays for a while, is archived and then deleted', async (t) => {
      const task = defineTask('kept', () => undefined, options)
      const archived: string[] = []
      const inTable: unknown[] = []
      const archive = async (messages: readonly { messageId: string }[]) => {
        archived.push(...messages.map(({ messageId }) => messageId))
        inTable.push(...(await messagesOf(db)).map(({ messageId, status }) => [messageId, status]))
      }
      const { afterCommit, relay } = await relaying(t, db, [task], { relay: { retention: { after: 200, archive } } })
      const { id } = afterCommit(task)
      await until(() => relay.stats().succeeded === 1)
      await empty()
      assert.deepEqual([archived, inTable], [[id], [[id, 'done']]])
    })

    test('with `retention: "keep"` it stays', async (t) => {
      const task = defineTask('kept', () => undefined, options)
      const { afterCommit, relay } = await relaying(t, db, [task], { relay: { retention: 'keep' } })
      afterCommit(task)
      await until(() => relay.stats().succeeded === 1)
      assert.deepEqual(
        (await messagesOf(db)).map(({ status }) => status),
        ['done'],
      )
    })

    test('a task that it does not know waits for a relay that does; after the grace it is dead', async (t) => {
      const task = defineTask('unknown', () => undefined, options)
      const other = defineTask('other', () => undefined, options)
      const { afterCommit, outbox } = durable(db, [task])
      const { relay } = await relaying(t, db, [other], { relay: { unknownTaskGrace: 400 } })
      afterCommit(task)
      await until(() => relay.stats().dead === 1)
      assert.equal(relay.stats().claimed, 0)
      const [dead] = await outbox.dead.list()
      assert.equal(dead?.lastError, 'No relay knows a task of this name')
      assert.equal(dead.attempts, 0)
      const made = durable(db, [task])
      const knowing = relayOf(t, made)
      await knowing.start()
      assert.equal(await made.outbox.dead.retry(dead.id), true)
      await until(() => knowing.stats().succeeded === 1)
    })

    test('stop() waits for what runs, gives back what does not, and nothing is lost', async (t) => {
      const release = deferred()
      const started = deferred()
      const task = defineTask(
        'slow',
        async (n: number) => {
          if (n > 1) return
          started.resolve()
          await release.promise
        },
        options,
      )
      const { afterCommit, prisma, relay } = await relaying(t, db, [task], { relay: { concurrency: 1, batch: 10 } })
      await prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        for (let n = 1; n <= 5; n++) afterCommit(task, n)
      })
      await started.promise
      const stopped = relay.stop({ grace: 60_000 })
      release.resolve()
      const { succeeded, running, waiting, unwritten } = await stopped
      assert.deepEqual(
        { succeeded, running, waiting, unwritten },
        { succeeded: 1, running: 0, waiting: 0, unwritten: 0 },
      )
      const rows = await messagesOf(db)
      assert.deepEqual(
        rows.map(({ status, attempts, payload }) => [status, attempts, payload]),
        [2, 3, 4, 5].map((n) => ['pending', 0, String(n)]),
      )
    })

    test('past the grace of stop() signals are aborted, and the messages can be claimed by another relay at once', async (t) => {
      const started = deferred<AbortSignal>()
      let hang = true
      const task = defineTask(
        'hangs',
        async (_: void, { signal }: TaskContext) => {
          if (!hang) return
          started.resolve(signal)
          await new Promise<void>(() => {})
        },
        options,
      )
      const first = await relaying(t, db, [task])
      first.afterCommit(task)
      const signal = await started.promise
      const { released } = await first.relay.stop({ grace: 1 })
      assert.equal(released, 1)
      assert.equal(signal.aborted, true)
      hang = false
      const { relay } = await relaying(t, db, [task])
      await until(() => relay.stats().succeeded === 1)
    })

    test('a timed-out attempt has its signal aborted and is tried again', async (t) => {
      const reasons: unknown[] = []
      const task = defineTask(
        'stuck',
        async (_: void, { attempt, signal }: TaskContext) => {
          if (attempt > 1) return
          await new Promise((resolve) => signal.addEventListener('abort', resolve))
          reasons.push((signal.reason as Error).name)
          throw signal.reason
        },
        { ...options, timeout: 20 },
      )
      const { afterCommit, relay } = await relaying(t, db, [task])
      afterCommit(task)
      await until(() => relay.stats().succeeded === 1)
      assert.deepEqual(reasons, ['TimeoutError'])
    })

    test('the result of a message that somebody else has claimed since is dropped, logged and counted', async (t) => {
      const started = deferred()
      const release = deferred()
      const task = defineTask(
        'overtaken',
        async () => {
          started.resolve()
          await release.promise
        },
        options,
      )
      const { afterCommit, relay, log } = await relaying(t, db, [task])
      const { id } = afterCommit(task)
      await started.promise
      await sharedClient(db).outboxMessage.updateMany({ data: { lockToken: { increment: 1 } } })
      release.resolve()
      await until(() => relay.stats().stale === 1)
      const line = log.at('warn').find(({ message }) => message.startsWith('message lost to another relay'))
      assert.equal(line?.fields['taskId'], id)
      assert.equal(relay.stats().succeeded, 0)
      assert.deepEqual(
        (await messagesOf(db)).map(({ status }) => status),
        ['processing'],
      )
    })

    test('log lines of a task carry its message and the request that registered it', async (t) => {
      const task = defineTask('logs', (_: void, { log }: TaskContext) => log.info({}, 'hello'), options)
      const { afterCommit, relay, log } = await relaying(t, db, [task], { requestId: () => 'request-7' })
      const { id } = afterCommit(task)
      await until(() => relay.stats().succeeded === 1)
      const line = log.at('info').find(({ message }) => message === 'hello')
      const { taskId, requestId, attempt } = line?.fields ?? {}
      assert.deepEqual({ taskId, requestId, attempt }, { taskId: id, requestId: 'request-7', attempt: 1 })
    })
  })

  test('refuses wrong and unknown options', () => {
    const { afterCommit } = durable({} as never, [], { base: fakeClient<PrismaClient>().client })
    for (const wrong of [
      { concurrency: 0 },
      { lease: 1 },
      { lost: 1 },
      { retention: 'forever' },
      { pool: {} },
      { batch: 1.5 },
    ]) {
      assert.throws(() => relayOf({ after: () => undefined } as never, { afterCommit } as never, wrong as never), {
        code: 'ERR_OPTIONS',
      })
    }
    assert.throws(() => relayOf({ after: () => undefined } as never, { afterCommit: {} } as never), {
      code: 'ERR_OPTIONS',
    })
  })
})
