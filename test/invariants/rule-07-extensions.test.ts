import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { Prisma, type PrismaClient } from '../../prisma/client/sqlite/client.js'
import { forEachDatabase, type TestDatabase } from '../support/databases.js'
import { lacks, savepoints } from '../support/prisma-version.js'
import { insert, sharedClient, watched, type Watched } from '../support/watched.js'

/** Extensions that hide the errors of queries. */
const hiding: Record<string, (client: PrismaClient) => object> = {
  'of one model operation': (client) =>
    client.$extends({
      query: { user: { create: async ({ args, query }) => await query(args).catch(() => ({ id: 0 })) } },
    }),
  'of every operation, raw ones included': (client) =>
    client.$extends({
      query: { $allOperations: async ({ args, query }) => await query(args).catch(() => ({ id: 0 })) },
    }),
  'of a model’s method, which sends them to the client below': (client) =>
    client.$extends({
      model: {
        user: {
          create(args: Prisma.UserCreateArgs) {
            const { $parent } = Prisma.getExtensionContext(this) as unknown as { $parent: PrismaClient }
            return $parent.user.create(args).catch(() => ({ id: 0 }))
          },
        },
      },
    }),
}

const where: Record<string, (db: TestDatabase, extend: (client: PrismaClient) => object) => Watched> = {
  'added before watch': (db, extend) => watched(db, {}, extend(sharedClient(db)) as PrismaClient),
  'added after watch': (db, extend) => {
    const all = watched(db)
    return { ...all, prisma: extend(all.prisma) as PrismaClient }
  },
}

describe('Rule 7: an extension that hides the errors of queries cannot hide an aborted transaction', () => {
  forEachDatabase((db) => {
    const aborts = db.name === 'postgresql'

    beforeEach(async () => {
      await db.reset()
      await insert(sharedClient(db), 'taken')
    })

    for (const [what, extend] of Object.entries(hiding)) {
      for (const [added, watchedWith] of Object.entries(where)) {
        test(`an extension that hides errors ${what}, ${added}: the tasks follow the rows`, async () => {
          const { prisma, both, events, outcome } = watchedWith(db, extend)
          const transaction = prisma.$transaction(async (tx) => {
            await both(tx, 'a')
            await insert(tx, 'taken')
          })
          if (!aborts) {
            await transaction
            assert.deepEqual(await outcome(), { ran: ['a'], rows: ['taken', 'a'] })
            return
          }
          await assert.rejects(transaction, (error: { code?: string; cause?: { code?: string } }) => {
            assert.deepEqual([error.code, error.cause?.code], ['ERR_TRANSACTION_ABORTED', 'P2002'])
            return true
          })
          assert.deepEqual(await outcome(), { ran: [], rows: ['taken'] })
          assert.deepEqual(events, ['discarded a'])
        })

        test(`an extension that hides errors ${what}, ${added}: so do those of a savepoint`, async (t) => {
          if (lacks(t, savepoints)) return
          const { prisma, both, events, outcome } = watchedWith(db, extend)
          await prisma.$transaction(async (tx) => {
            await both(tx, 'before')
            const nested = tx.$transaction(async (inner) => {
              await both(inner, 'nested')
              await insert(inner, 'taken')
            })
            if (aborts) await assert.rejects(nested, { code: 'ERR_TRANSACTION_ABORTED' })
            else await nested
            await both(tx, 'after')
          })
          const kept = aborts ? ['before', 'after'] : ['before', 'nested', 'after']
          assert.deepEqual(await outcome(), { ran: kept, rows: ['taken', ...kept] })
          assert.deepEqual(events.includes('discarded nested'), aborts)
        })
      }
    }
  })
})
