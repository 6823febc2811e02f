import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import type { PrismaClient } from '../../prisma/client/sqlite/client.js'
import { createAfterCommit } from '../../src/index.js'
import { forEachDatabase } from '../support/databases.js'
import { lacks, savepoints } from '../support/prisma-version.js'
import { insert, sharedClient, watched } from '../support/watched.js'

/** A client that answers something else for some keys. */
const withOther = (client: PrismaClient, other: Readonly<Record<PropertyKey, unknown>>): PrismaClient =>
  new Proxy(client, { get: (target, key) => (Object.hasOwn(other, key) ? other[key] : Reflect.get(target, key)) })

/** Without `$parent`: with it, its method would be taken for that of an extension of the application. */
const ofAnother = (client: PrismaClient): PrismaClient =>
  withOther(client, { $transaction: client.$transaction.bind(client), $parent: undefined })

/** As another version of Prisma might be: what is not documented is not where it was, or has no effect. */
const others: Record<string, (client: PrismaClient) => PrismaClient> = {
  'that does not keep its parts where 7.10 does': (client) => withOther(client, { _originalClient: undefined }),
  'that makes tx of another client than the one it is called on': ofAnother,
  'with extensions that makes tx of another client': (client) =>
    ofAnother(client.$extends({}) as unknown as PrismaClient),
}

describe('Rule 7: where nobody sees the queries, each commit is verified', () => {
  forEachDatabase((db) => {
    const aborts = db.name === 'postgresql'

    beforeEach(async () => {
      await db.reset()
      await insert(sharedClient(db), 'taken')
    })

    for (const [what, other] of Object.entries(others)) {
      test(`a client ${what}: the tasks follow the rows`, async () => {
        const { prisma, both, outcome } = watched(db, {}, other(sharedClient(db)))
        await prisma.$transaction((tx) => both(tx, 'a'))
        const transaction = prisma.$transaction(async (tx) => {
          await both(tx, 'b')
          await Promise.resolve(insert(tx, 'taken')).catch(() => {})
        })
        if (aborts) await assert.rejects(transaction, { code: 'ERR_TRANSACTION_ABORTED' })
        else await transaction
        const kept = aborts ? ['a'] : ['a', 'b']
        assert.deepEqual(await outcome(), { ran: kept, rows: ['taken', ...kept] })
      })

      test(`a client ${what}: so do those of a savepoint`, async (t) => {
        if (lacks(t, savepoints)) return
        const { prisma, both, events, outcome } = watched(db, {}, other(sharedClient(db)))
        await prisma.$transaction(async (tx) => {
          await both(tx, 'before')
          const nested = tx.$transaction(async (inner) => {
            await both(inner, 'lost')
            throw new Error('lost')
          })
          await assert.rejects(nested, { message: 'lost' })
          await tx.$transaction((inner) => both(inner, 'nested'))
        })
        assert.deepEqual(await outcome(), { ran: ['before', 'nested'], rows: ['taken', 'before', 'nested'] })
        assert.deepEqual(events, ['discarded lost', 'succeeded before', 'succeeded nested'])
      })
    }
  })
})

describe('Rule 7: a stand-in for a client, with what the test needs', () => {
  const standIns: Record<string, unknown> = {
    'has no raw queries': undefined,
    'answers a raw query with nothing': () => undefined,
    'throws at a raw query': () => assert.fail('not expected'),
  }
  for (const [what, $queryRawUnsafe] of Object.entries(standIns)) {
    test(`one that ${what} works as ever`, async () => {
      const afterCommit = createAfterCommit({ retry: false })
      const standIn = {
        $transaction: async <R>(run: (tx: object) => R) => await run({ $queryRawUnsafe }),
        $extends: () => assert.fail('not expected'),
        $on: () => {},
      }
      const prisma = afterCommit.watch(standIn)
      const handle = await prisma.$transaction(() => afterCommit('a', () => {}))
      assert.equal((await handle.settled).status, 'succeeded')
    })
  }
})
