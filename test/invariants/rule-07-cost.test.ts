import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import type { PrismaClient } from '../../prisma/client/sqlite/client.js'
import { forEachDatabase, type TestDatabase } from '../support/databases.js'
import { insert, patient, type Tx, watched } from '../support/watched.js'

/** Statements that a client sent, and how its transaction ended. */
async function statementsOf(db: TestDatabase, run: (client: PrismaClient) => Promise<unknown>): Promise<string[]> {
  const client = db.newClient<'query'>({ log: [{ level: 'query', emit: 'event' }], transactionOptions: patient })
  const statements: string[] = []
  client.$on('query', ({ query }) => statements.push(query))
  const end = await run(client as unknown as PrismaClient).then(
    () => 'resolved',
    (error: unknown) => `rejected: ${String((error as { code?: unknown }).code)}`,
  )
  await client.$disconnect()
  return [...statements, end]
}

describe('Rule 7: verifying costs nothing where nothing failed or nothing waits', () => {
  forEachDatabase((db) => {
    beforeEach(async () => {
      await db.reset()
      await db.execute(`INSERT INTO "User" ("email", "name") VALUES ('taken', 'a')`)
    })

    const swallowing = async (tx: Tx): Promise<void> => {
      await insert(tx, 'a')
      await insert(tx, 'taken').then(undefined, () => {})
    }
    const nesting = async (tx: Tx): Promise<void> => {
      await insert(tx, 'a')
      await tx.$transaction(async (inner) => await insert(inner, 'b'))
      await tx.$transaction(async (inner) => await insert(inner, 'taken')).catch(() => {})
    }

    for (const [name, callback] of Object.entries({ swallowing, nesting })) {
      test(`nothing registered, ${name}: the same statements and the same outcome as without the library`, async () => {
        const bare = await statementsOf(db, (client) => client.$transaction((tx) => callback(tx)))
        await db.reset()
        await db.execute(`INSERT INTO "User" ("email", "name") VALUES ('taken', 'a')`)
        const events: string[] = []
        const seen = await statementsOf(db, async (client) => {
          const all = watched(db, {}, client)
          await all.prisma.$transaction(callback)
          events.push(...all.events)
          assert.equal(all.afterCommit.stats().accepted, 0)
        })
        assert.deepEqual(seen, bare)
        assert.equal(seen.at(-1), 'resolved')
        assert.deepEqual(events, [])
      })
    }

    test('something registered and nothing failed: not one statement more', async () => {
      const callback = (tx: Tx) => tx.$transaction(async (inner) => await insert(inner, 'a'))
      const bare = await statementsOf(db, (client) => client.$transaction(callback))
      await db.reset()
      const ran: string[][] = []
      const seen = await statementsOf(db, async (client) => {
        const { prisma, task, outcome } = watched(db, {}, client)
        await prisma.$transaction(async (tx) => {
          task('a')
          await callback(tx)
        })
        ran.push((await outcome()).ran)
      })
      assert.deepEqual(seen, bare)
      assert.deepEqual(ran, [['a']])
    })

    test('something registered and a query found nothing: not one statement more, the database failed none', async () => {
      const callback = async (tx: Tx): Promise<void> => {
        await insert(tx, 'a')
        await tx.user.findUniqueOrThrow({ where: { email: 'nobody' } }).catch(() => {})
      }
      const bare = await statementsOf(db, (client) => client.$transaction(callback))
      await db.reset()
      const ran: string[][] = []
      const seen = await statementsOf(db, async (client) => {
        const { prisma, task, outcome } = watched(db, {}, client)
        await prisma.$transaction(async (tx) => {
          task('a')
          await callback(tx)
        })
        ran.push((await outcome()).ran)
      })
      assert.deepEqual(seen, bare)
      assert.deepEqual(ran, [['a']])
    })

    test('something registered and the database failed a query: one statement more', async () => {
      const callback = async (tx: Tx): Promise<void> => {
        await insert(tx, 'a')
        await Promise.resolve(insert(tx, 'a')).catch(() => {})
      }
      const ends = new Set(['COMMIT', 'ROLLBACK'])
      const withoutEnd = (statements: string[]) => statements.filter((statement) => !ends.has(statement))
      const bare = withoutEnd(await statementsOf(db, (client) => client.$transaction(callback)))
      await db.reset()
      const seen = withoutEnd(
        await statementsOf(db, async (client) => {
          const { prisma, task } = watched(db, {}, client)
          const transaction = prisma.$transaction(async (tx) => {
            task('a')
            await callback(tx)
          })
          await transaction.catch((error: unknown) => assert.equal(db.name, 'postgresql', String(error)))
        }),
      )
      assert.deepEqual(
        seen.filter((statement) => statement !== 'SELECT 1'),
        bare,
      )
      // Prisma reports only statements that succeed; in the aborted transaction of PostgreSQL this one cannot.
      assert.equal(seen.length, bare.length + (db.name === 'postgresql' ? 0 : 1))
    })
  })
})
