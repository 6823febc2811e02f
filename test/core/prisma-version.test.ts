import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PrismaClient } from '../../prisma/client/sqlite/client.js'
import { forEachDatabase } from '../support/databases.js'
import { has, savepoints, version } from '../support/prisma-version.js'
import { start } from '../support/recorders.js'
import { insert, watched } from '../support/watched.js'

/** The client as it would be with other values in these properties. */
const posing = (client: PrismaClient, as: { _clientVersion?: unknown; _engine?: unknown }): PrismaClient =>
  new Proxy(client, { get: (_, key) => Reflect.get(key in as ? as : client, key) as unknown })

/** What is said when the client is watched, twice. */
function warnings(client: PrismaClient): string[] {
  const { afterCommit, log } = start()
  afterCommit.watch(afterCommit.watch(client))
  return log.at('warn').map(({ message }) => message)
}

describe('the version of Prisma', () => {
  forEachDatabase(
    (db) => {
      test(`${version}, the one here, is in the range, whichever way the client was made`, () => {
        const client = db.newClient()
        assert.equal((client as unknown as { _clientVersion: string })._clientVersion, version)
        assert.deepEqual(warnings(client), [])
        const extended = client.$extends({ model: { user: { answer: () => 42 } } }) as unknown as PrismaClient
        assert.equal((extended as unknown as { _clientVersion: string })._clientVersion, version)
        assert.deepEqual(warnings(extended), [])
      })

      for (const inside of ['6.16.0', '6.19.3', '7.0.0', '7.10.0', '7.10.1', '7.10.0-dev.4']) {
        test(`${inside} is in the range`, () => {
          assert.deepEqual(warnings(posing(db.newClient(), { _clientVersion: inside })), [])
        })
      }

      for (const outside of ['5.22.0', '6.15.0', '7.11.0', '7.11.0-dev.1', '8.0.0', '16.17.0']) {
        test(`${outside} is outside: one warning says which version was found, which ones are tested, and what may be wrong`, () => {
          const [warning, ...more] = warnings(posing(db.newClient(), { _clientVersion: outside }))
          const found = new RegExp(`Prisma ${outside.replaceAll('.', '\\.')} .* 6\\.16 to 7\\.10 .* rollback .* commit`)
          assert.match(warning ?? '', found)
          assert.deepEqual(more, [])
        })
      }

      test('the engine in Rust, which Prisma 6 still has, is outside too', () => {
        const client = posing(db.newClient(), { _clientVersion: '6.16.0', _engine: { name: 'LibraryEngine' } })
        assert.match(warnings(client)[0] ?? '', /Prisma 6\.16\.0 with its LibraryEngine/)
      })

      test('a client outside the range is watched all the same', async () => {
        const { prisma, both, outcome, log } = watched(db, {}, posing(db.newClient(), { _clientVersion: '5.22.0' }))
        await prisma.$transaction((tx) => both(tx, 'a'))
        assert.deepEqual(await outcome(), { ran: ['a'], rows: ['a'] })
        assert.equal(log.at('warn').length, 1)
      })

      test('a client that does not tell its version is taken as it is', () => {
        for (const _clientVersion of [undefined, null, 7, 'local', () => '5.0.0', Object.create(null)]) {
          assert.deepEqual(warnings(posing(db.newClient(), { _clientVersion })), [])
        }
      })

      test('tx.$transaction is a savepoint, or there is none, as in Prisma: never a transaction of its own', async () => {
        const { prisma, task, events, outcome } = watched(db)
        await db.reset()
        const failure = new Error('no')
        const transaction = prisma.$transaction(async (tx) => {
          await insert(tx, 'outer')
          const inner = (async () => {
            await tx.$transaction(async (nested) => {
              await insert(nested, 'nested')
              task('nested')
            })
          })()
          if (has(savepoints)) await inner
          else await assert.rejects(inner, TypeError)
          task('outer')
          throw failure
        })
        await assert.rejects(transaction, (error) => error === failure)
        assert.deepEqual(await outcome(), { ran: [], rows: [] })
        assert.deepEqual(events, has(savepoints) ? ['discarded nested', 'discarded outer'] : ['discarded outer'])
      })
    },
    { only: ['sqlite', 'postgresql'] },
  )
})
