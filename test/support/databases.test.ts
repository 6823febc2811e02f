import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { forEachDatabase, type TestDatabase } from './databases.js'
import { prefix, servers, unavailable } from './servers.js'
import { deferred } from './wait.js'

const courses = 'SELECT title FROM "Course" ORDER BY "id"'

function user(db: TestDatabase, email: string) {
  return db.newClient().user.create({ data: { email, name: 'Ada' } })
}

describe('the test databases', () => {
  forEachDatabase((db) => {
    test('another connection sees only committed rows', async () => {
      const prisma = db.newClient()
      const author = await user(db, 'committed@example.org')
      await prisma.$transaction(async (tx) => {
        await tx.course.create({ data: { title: 'SQL', price: 1, authorId: author.id } })
        assert.deepEqual(await db.query(courses), [])
      })
      assert.deepEqual(await db.query(courses), [{ title: 'SQL' }])
    })

    test('rows carry numbers and parameters are written as question marks', async () => {
      await user(db, 'one@example.org')
      const rows = await db.query(
        'SELECT count(*) AS n, max("email") AS email FROM "User" WHERE email = ?',
        'one@example.org',
      )
      assert.deepEqual(rows, [{ n: 1, email: 'one@example.org' }])
    })

    test('reset deletes the rows of every table, whatever refers to them', async () => {
      await db.reset()
      assert.deepEqual(await db.query(courses), [])
      assert.deepEqual(await db.query('SELECT count(*) AS n FROM "User"'), [{ n: 0 }])
    })

    test('foreign keys are enforced, also after a reset', async () => {
      const create = db.newClient().course.create({ data: { title: 'SQL', price: 1, authorId: 999 } })
      await assert.rejects(create, { code: 'P2003' })
    })

    test('execute runs several statements', async () => {
      await db.execute(
        'CREATE TABLE "extra" ("x" INTEGER); INSERT INTO "extra" VALUES (1); INSERT INTO "extra" VALUES (2);',
      )
      assert.deepEqual(await db.query('SELECT sum("x") AS total FROM "extra"'), [{ total: 3 }])
    })

    test('a new client has a different connection', async () => {
      const author = await user(db, 'second@example.org')
      const found = await db.newClient().user.findMany({ where: { id: author.id } })
      assert.equal(found.length, 1)
    })

    test('times are stored in UTC', async () => {
      const at = new Date('2026-07-01T12:34:56.789Z')
      await db.newClient().user.create({ data: { email: 'time@example.org', name: 'Ada', lastLogin: at } })
      const [row] = await db.query<{ lastLogin: string | Date }>(
        'SELECT "lastLogin" FROM "User" WHERE "email" = ?',
        'time@example.org',
      )
      assert.equal(new Date(row?.lastLogin ?? 0).toISOString(), at.toISOString())
    })
  })

  forEachDatabase(
    (db) => {
      test('a client has connections for 20 transactions at the same time', async () => {
        const prisma = db.newClient()
        const all = deferred()
        let open = 0
        const transaction = () =>
          prisma.$transaction(
            async (tx) => {
              await tx.user.count()
              if (++open === 20) all.resolve()
              await all.promise
            },
            { maxWait: 10_000, timeout: 10_000 },
          )
        await Promise.all(Array.from({ length: 20 }, transaction))
      })
    },
    { only: ['postgresql', 'mariadb'] },
  )

  test('are gone after their suite', async () => {
    for (const server of servers) {
      if ((await unavailable(server)) === undefined) assert.deepEqual(await server.list(`${prefix}${process.pid}_`), [])
    }
  })
})
