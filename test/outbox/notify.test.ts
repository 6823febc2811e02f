import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import pg from 'pg'
import { defineTask } from '../../src/index.js'
import { createOutbox } from '../../src/outbox/index.js'
import { forEachDatabase } from '../support/databases.js'
import { durable, relaying } from '../support/outbox.js'
import { insert, sharedClient } from '../support/watched.js'
import { deferred, until } from '../support/wait.js'

const nowhere = (): pg.Client => new pg.Client({ host: '127.0.0.1', port: 1 })

/** Nothing but a notification can make such a relay look in time. */
const asleep = { pollInterval: 600_000, lease: 600_000 }

describe('Notifications', () => {
  forEachDatabase(
    (db) => {
      beforeEach(() => db.reset())
      const listen = (name: string) => () => new pg.Client({ connectionString: db.url, application_name: name })
      const listening = (name: string) =>
        until(
          async () =>
            (await db.query(`SELECT 1 FROM pg_stat_activity WHERE application_name = ? AND query LIKE 'LISTEN%'`, name))
              .length === 1,
        )

      test('wake a relay of another process, which does not wait for its next poll', async (t) => {
        const ran = deferred<string>()
        const task = defineTask('soon', (who: string) => ran.resolve(who), { durable: true })
        const { relay } = await relaying(t, db, [task], { relay: { ...asleep, listen: listen('wakes') } })
        await listening('wakes')
        // Another instance, whose outbox knows nothing of that relay.
        const { afterCommit, prisma } = durable(db, [task], { options: { notify: true } })
        await prisma.$transaction(async (tx) => {
          await insert(tx, 'a')
          afterCommit(task, 'ada')
        })
        assert.equal(await ran.promise, 'ada')
        await until(() => relay.stats().succeeded === 1)
      })

      test('are sent outside the transaction, and a burst of commits is not a burst of them', async () => {
        const base = db.newClient({ log: [{ level: 'query', emit: 'event' }] })
        const task = defineTask('many', () => undefined, { durable: true })
        const { afterCommit, prisma } = durable(db, [task], { base, options: { notify: { interval: 60_000 } } })
        const queries: string[] = []
        base.$on('query', ({ query }) => void queries.push(query))
        for (let n = 0; n < 20; n++) {
          await prisma.$transaction(async (tx) => {
            await insert(tx, `${n}`)
            afterCommit(task)
          })
        }
        await until(() => queries.some((query) => query.includes('pg_notify')))
        assert.equal(queries.filter((query) => query.includes('pg_notify')).length, 1)
        // The first transaction had its COMMIT before.
        const commit = queries.indexOf('COMMIT')
        assert.ok(commit >= 0 && queries.findIndex((query) => query.includes('pg_notify')) > commit, queries.join('\n'))
      })

      test('come at most once an interval, and the last commit is told too', async (t) => {
        const client = new pg.Client(db.url)
        await client.connect()
        t.after(() => client.end())
        let heard = 0
        client.on('notification', () => void heard++)
        await client.query('LISTEN elsewhere')
        const outbox = createOutbox(() => sharedClient(db), { notify: { interval: 50, channel: 'elsewhere' } })
        const at = performance.now()
        for (let n = 0; n < 100; n++) outbox.wake()
        await until(() => heard === 2)
        assert.ok(performance.now() - at >= 49)
        await client.query('SELECT 1')
        assert.equal(heard, 2)
      })

      test('none is sent unless the option says so', async (t) => {
        const client = new pg.Client(db.url)
        await client.connect()
        t.after(() => client.end())
        const heard: string[] = []
        client.on('notification', ({ channel }) => void heard.push(channel))
        await client.query('LISTEN after_commit_outbox')
        const task = defineTask('quiet', () => undefined, { durable: true })
        const { afterCommit } = durable(db, [task])
        await afterCommit(task).settled
        await db.query(`SELECT pg_notify('after_commit_outbox', 'last') IS NULL AS "sent"`)
        await until(() => heard.length > 0)
        assert.equal(heard.length, 1)
      })

      test('a listener that loses its connection is made anew, and what was committed meanwhile is seen', async (t) => {
        const seen: number[] = []
        const task = defineTask('seen', (n: number) => void seen.push(n), { durable: true })
        const { log } = await relaying(t, db, [task], { relay: { ...asleep, listen: listen('lost') } })
        await listening('lost')
        const { afterCommit } = durable(db, [task]) // which tells nobody
        await afterCommit(task, 1).settled
        await db.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lost'`)
        await until(() => seen.length === 1 && log.at('warn').length > 0)
        assert.match(log.at('warn')[0]?.message ?? '', /does not hear of commits, and polls/)
        await listening('lost')
        const telling = durable(db, [task], { options: { notify: true } })
        await telling.afterCommit(task, 2).settled
        await until(() => seen.length === 2)
      })

      test('a listener that cannot connect leaves the relay to its polls, and stop() ends it', async (t) => {
        const task = defineTask('polled', () => undefined, { durable: true })
        const { relay, log } = await relaying(t, db, [task], { relay: { listen: nowhere } })
        await durable(db, [task]).afterCommit(task).settled
        await until(() => relay.stats().succeeded === 1)
        await until(() => log.at('warn').length > 0)
        await relay.stop()
      })
    },
    { only: ['postgresql'] },
  )

  forEachDatabase(
    (db) => {
      test('are refused where the database has none', () => {
        const task = defineTask('none', () => undefined, { durable: true })
        const { afterCommit } = durable(db, [task], { options: { notify: true } })
        assert.throws(() => afterCommit(task), { code: 'ERR_OPTIONS', message: /only PostgreSQL has notifications/ })
      })
    },
    { only: ['sqlite', 'mariadb'] },
  )

  test('refuse wrong options', () => {
    for (const notify of ['yes', { interval: 0 }, { channel: 'Orders' }, { chanel: 'a' }]) {
      assert.throws(() => createOutbox(() => ({}), { notify } as never), { code: 'ERR_OPTIONS', message: /`notify/ })
    }
  })
})
