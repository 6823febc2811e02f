import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import type { PrismaClient } from '../../prisma/client/sqlite/client.js'
import { forEachDatabase, type TestDatabase } from '../support/databases.js'
import { lacks, savepoints } from '../support/prisma-version.js'
import { insert, patient, rowsOf, type Tx, watched } from '../support/watched.js'

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

const swallowing = async (tx: Tx): Promise<void> => {
  await insert(tx, 'a')
  await insert(tx, 'taken').then(undefined, () => {})
}
const nesting = async (tx: Tx): Promise<void> => {
  await insert(tx, 'a')
  await tx.$transaction(async (inner) => await insert(inner, 'b'))
}
const nestingAndFailing = async (tx: Tx): Promise<void> => {
  await nesting(tx)
  await tx.$transaction(async (inner) => await insert(inner, 'taken')).catch(() => {})
}
const searching = async (tx: Tx): Promise<void> => {
  await insert(tx, 'a')
  await tx.user.findUniqueOrThrow({ where: { email: 'nobody' } }).catch(() => {})
}

describe('Rule 7: verifying costs nothing where nothing failed or nothing waits', () => {
  forEachDatabase((db) => {
    const start = async (): Promise<void> => {
      await db.reset()
      await db.execute(`INSERT INTO "User" ("email", "name") VALUES ('taken', 'a')`)
    }
    beforeEach(start)

    /** The statements without the library and with it, and what became of the task registered first, if one is. */
    const compare = async (callback: (tx: Tx) => Promise<unknown>, name?: string) => {
      const bare = await statementsOf(db, (client) => client.$transaction((tx) => callback(tx)))
      await start()
      const ran: string[] = []
      const seen = await statementsOf(db, async (client) => {
        const { prisma, task, events, outcome } = watched(db, {}, client)
        const transaction = prisma.$transaction(async (tx) => {
          if (name !== undefined) task(name)
          return await callback(tx)
        })
        try {
          await transaction
        } finally {
          ran.push(...(await outcome()).ran)
          assert.equal(events.length, name === undefined ? 0 : 1)
        }
      })
      return { bare, seen, ran, rows: await rowsOf(db) }
    }

    for (const [name, callback] of Object.entries({ swallowing, nesting, nestingAndFailing, searching })) {
      test(`nothing registered, ${name}: the same statements and the same outcome as without the library`, async (t) => {
        if (name.startsWith('nesting') && lacks(t, savepoints)) return
        const { bare, seen, ran } = await compare(callback)
        assert.deepEqual(seen, bare)
        assert.deepEqual([seen.at(-1), ran], ['resolved', []])
      })
    }

    for (const [name, callback] of Object.entries({ nesting, nestingAndFailing, searching })) {
      test(`something registered, ${name}, and no error of the database swallowed: not one statement more`, async (t) => {
        if (name.startsWith('nesting') && lacks(t, savepoints)) return
        const { bare, seen, ran, rows } = await compare(callback, 'task')
        assert.deepEqual(seen, bare)
        assert.deepEqual([ran, rows], [['task'], name === 'searching' ? ['taken', 'a'] : ['taken', 'a', 'b']])
      })
    }

    test('something registered and an error of the database swallowed: one statement more', async () => {
      const { bare, seen, ran, rows } = await compare(swallowing, 'task')
      if (db.name === 'postgresql') {
        // Prisma reports only statements that succeed, and in an aborted transaction none does.
        assert.deepEqual(seen, [...bare.slice(0, -2), 'ROLLBACK', 'rejected: ERR_TRANSACTION_ABORTED'])
        assert.deepEqual([ran, rows], [[], ['taken']])
      } else {
        assert.deepEqual(seen, [...bare.slice(0, -2), 'SELECT 1', ...bare.slice(-2)])
        assert.deepEqual([ran, rows], [['task'], ['taken', 'a']])
      }
    })
  })
})
