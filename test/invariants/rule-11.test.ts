import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { forEachDatabase } from '../support/databases.js'
import { rowsOf, type Tx, watched } from '../support/watched.js'

const create = (client: Tx, email: string) => client.user.create({ data: { email, name: email } })

describe('Rule 11: the array form of $transaction works unchanged', () => {
  forEachDatabase((db) => {
    beforeEach(() => db.reset())

    test('it answers in the order of its queries, and commits all of them', async () => {
      const { prisma } = watched(db)
      const [a, users, b] = await prisma.$transaction([
        create(prisma, 'a'),
        prisma.user.findMany(),
        create(prisma, 'b'),
      ])
      assert.deepEqual([a.email, users.map(({ email }) => email), b.email], ['a', ['a'], 'b'])
      assert.deepEqual(await rowsOf(db), ['a', 'b'])
    })

    test('one of its queries fails: it rejects with Prisma’s error, and nothing of it stays', async () => {
      const { prisma } = watched(db)
      const batch = prisma.$transaction([create(prisma, 'a'), create(prisma, 'b'), create(prisma, 'a')])
      await assert.rejects(batch, { code: 'P2002' })
      assert.deepEqual(await rowsOf(db), [])
    })

    test('an empty one and one of raw queries', async () => {
      const { prisma } = watched(db)
      assert.deepEqual(await prisma.$transaction([]), [])
      const counts = await prisma.$transaction([
        prisma.$executeRawUnsafe(
          `INSERT INTO ${db.name === 'mariadb' ? 'User' : '"User"'} (email, name) VALUES ('a', 'a')`,
        ),
        prisma.$executeRawUnsafe(`DELETE FROM ${db.name === 'mariadb' ? 'User' : '"User"'}`),
      ])
      assert.deepEqual(counts, [1, 1])
      assert.deepEqual(await rowsOf(db), [])
    })

    test('its options arrive, and are not written to', async () => {
      const { prisma } = watched(db)
      const options = Object.freeze({ isolationLevel: 'Serializable' as const })
      await prisma.$transaction([create(prisma, 'a')], options)
      assert.deepEqual(await rowsOf(db), ['a'])
      // What the database does not have is refused by Prisma, so it has seen the option.
      const wrong = { isolationLevel: 'Snapshot' as 'Serializable' }
      await assert.rejects(prisma.$transaction([create(prisma, 'b'), create(prisma, 'c')], wrong))
      assert.deepEqual(await rowsOf(db), ['a'])
    })

    test('a task registered while it is built is outside a transaction: it runs even where the batch fails', async () => {
      const { prisma, task, outcome } = watched(db)
      const build = (name: string): ReturnType<typeof create> => {
        task(name)
        return create(prisma, name)
      }
      await prisma.$transaction([build('a'), build('b')])
      await assert.rejects(prisma.$transaction([build('c'), create(prisma, 'a')]), { code: 'P2002' })
      assert.deepEqual(await outcome(), { ran: ['a', 'b', 'c'], rows: ['a', 'b'] })
    })

    test('and so is one that a query extension registers while it runs', async () => {
      const { prisma, afterCommit, task, outcome } = watched(db)
      const open: boolean[] = []
      const extended = prisma.$extends({
        query: {
          user: {
            create: async ({ args, query }) => {
              open.push(afterCommit.inTransaction())
              task(args.data.email)
              return await query(args)
            },
          },
        },
      })
      const first = extended.user.create({ data: { email: 'a', name: 'a' } })
      const second = extended.user.create({ data: { email: 'b', name: 'b' } })
      await extended.$transaction([first, second])
      assert.deepEqual(await outcome(), { ran: ['a', 'b'], rows: ['a', 'b'] })
      assert.deepEqual(open, [false, false])
    })

    test('with `outsideTransaction: throw` a registration while it is built throws, before any query is sent', async () => {
      const { prisma, task, outcome } = watched(db, { outsideTransaction: 'throw' })
      const build = (name: string): ReturnType<typeof create> => {
        task(name)
        return create(prisma, name)
      }
      assert.throws(() => prisma.$transaction([create(prisma, 'a'), build('b')]), { code: 'ERR_NO_TRANSACTION' })
      assert.deepEqual(await outcome(), { ran: [], rows: [] })
    })

    if (db.name === 'postgresql') {
      test('the isolation level is that of the options', async () => {
        const { prisma } = watched(db)
        const level = prisma.$queryRaw<{ level: string }[]>`SELECT current_setting('transaction_isolation') AS level`
        // Prisma sends a batch of one query without a transaction.
        const [rows] = await prisma.$transaction([level, prisma.user.count()], { isolationLevel: 'Serializable' })
        assert.deepEqual(rows, [{ level: 'serializable' }])
      })

      test('inside another transaction’s callback it commits on its own, as in Prisma', async () => {
        const { prisma, both, outcome } = watched(db)
        const transaction = prisma.$transaction(async (tx) => {
          await both(tx, 'outer')
          await prisma.$transaction([create(prisma, 'batch')])
          throw new Error('no')
        })
        await assert.rejects(transaction, /no/)
        assert.deepEqual(await outcome(), { ran: [], rows: ['batch'] })
      })
    }
  })
})
