import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { describe, test } from 'node:test'
import type { PrismaClient } from '../../prisma/client/sqlite/client.js'
import { inPrisma, schemaFile } from '../../prisma/providers.js'
import { fakeClient } from '../../src/testing/index.js'
import { type FailureRecord, prismaFailureLog } from '../../src/index.js'
import { record } from '../failure-logs/record.js'
import { forEachDatabase } from '../support/databases.js'
import { disconnect } from '../support/prisma-version.js'

const many = (length: number, more: Partial<FailureRecord> = {}) => Array.from({ length }, () => record(more))
const raw = (name: string, rows: number) => `${name} ${rows}`

/** The client, and how rows were inserted through it: each statement by its kind and its number of rows. */
function noted(client: PrismaClient) {
  const inserts: string[] = []
  const extended = client.$extends({
    query: {
      taskFailure: {
        createMany({ args, query }) {
          inserts.push(raw('createMany', (args.data as unknown[]).length))
          return query(args)
        },
      },
      $executeRawUnsafe({ args, query }) {
        const [sql] = args as unknown as [string]
        inserts.push(raw('raw', sql.split('), (').length))
        return query(args)
      },
    },
  })
  return { client: extended, inserts }
}

/** The same client, but for what it says of itself. */
const saying = (client: object, said: object): object => Object.assign(Object.create(client), said)

function modelOf(client: object): { fields: { name: string }[] } {
  const { _runtimeDataModel } = client as { _runtimeDataModel: { models: { TaskFailure: never } } }
  return _runtimeDataModel.models.TaskFailure
}

const models = (TaskFailure: object) => ({ _runtimeDataModel: { models: { TaskFailure } } })

describe('Failures go past the query compiler of Prisma', () => {
  forEachDatabase((db) => {
    const stored = () => db.query<{ id: string }>('SELECT * FROM "TaskFailure"')

    test('all but the first, by an INSERT for each hundred, and are the same rows', async () => {
      await db.reset()
      const { client, inserts } = noted(db.newClient())
      const log = prismaFailureLog(() => client)
      const full = { errorMessage: '«Ünïcödé» 🎉 \\ \' " ` ? $1 :a %s', retryOf: 'id' }
      const empty = { payload: null, errorName: null, errorMessage: null, errorStack: null, requestId: null } as const
      const bare = { ...empty, lastAttemptAt: null, attempts: 0, status: 'rejected' } as const
      for (const one of [full, bare]) {
        await db.reset()
        const rows = many(231, one)
        await log.write(rows)
        const [first, ...others] = (await stored()).map((row) => Object.assign(row, { id: '' }))
        assert.equal(others.length, 230)
        for (const other of others) assert.deepEqual(other, first)
        for (const { id } of [rows[0], rows[230]] as FailureRecord[]) {
          assert.deepEqual(
            { ...(await log.get(id)) },
            rows.find((row) => row.id === id),
          )
        }
      }
      const [once, ...twice] = inserts
      assert.equal(once, 'createMany 1')
      assert.deepEqual(twice, ['raw 100', 'raw 100', 'raw 30', 'raw 100', 'raw 100', 'raw 31'])
    })

    test('one that is stored already is left to Prisma, and then the way past it is taken again', async () => {
      await db.reset()
      const { client, inserts } = noted(db.newClient())
      const log = prismaFailureLog(() => client)
      const rows = many(3)
      await log.write(rows)
      for (let n = 0; n < 5; n++) await log.write(rows)
      await log.write(many(3))
      assert.equal((await stored()).length, 6)
      assert.deepEqual(inserts.at(-1), 'raw 3')
    })

    test('not where the table has another name than the client says', async () => {
      await db.reset()
      const { client, inserts } = noted(db.newClient())
      await db.execute('CREATE TABLE "Other" AS SELECT * FROM "TaskFailure"')
      const log = prismaFailureLog(() => saying(client, models({ ...modelOf(client), dbName: 'Other' })))
      await log.write(many(12))
      assert.equal((await stored()).length, 12)
      assert.deepEqual(await db.query('SELECT * FROM "Other"'), [])
      await db.execute('DROP TABLE "Other"')
      assert.deepEqual(
        inserts.filter((insert) => insert.startsWith('raw')),
        [],
      )
    })

    test('not where the model has a field of its own, whose value Prisma may make', async () => {
      await db.reset()
      const { client, inserts } = noted(db.newClient())
      const model = { ...modelOf(client), fields: [...modelOf(client).fields, { name: 'tenant' }] }
      await prismaFailureLog(() => saying(client, models(model))).write(many(20))
      assert.equal((await stored()).length, 20)
      assert.ok(!inserts.some((insert) => insert.startsWith('raw')), inserts.join())
    })

    test('not with a client that says nothing of itself', async () => {
      await db.reset()
      const { taskFailure } = db.newClient()
      await prismaFailureLog(() => ({ taskFailure })).write(many(20))
      assert.equal((await stored()).length, 20)
    })

    test('not any more where the database refused it three times, and Prisma could', async () => {
      await db.reset()
      const client = db.newClient()
      let tried = 0
      const $executeRawUnsafe = () => Promise.reject(new Error(`too many parameters, ${++tried}`))
      const log = prismaFailureLog(() => saying(client, { $executeRawUnsafe }))
      for (let n = 0; n < 10; n++) await log.write(many(10))
      assert.equal((await stored()).length, 100)
      assert.equal(tried, 3)
    })
  })

  forEachDatabase(
    (db) => {
      test('also to a table and columns that have names of their own', async () => {
        const name = `mapped-${process.pid}`
        const mapped = await generate(name, (schema) =>
          schema
            .replace(/(model TaskFailure \{)/, '$1\n  @@map("task \\"failures\\"")')
            .replace(/(errorMessage +String\?)/, '$1 @map("error_message")'),
        )
        await db.execute('ALTER TABLE "TaskFailure" RENAME TO "task ""failures"""')
        await db.execute('ALTER TABLE "task ""failures""" RENAME COLUMN "errorMessage" TO "error_message"')
        const own = new mapped.PrismaClient({ adapter: db.newAdapter() })
        const { client, inserts } = noted(own)
        await prismaFailureLog(() => client).write(many(20))
        assert.deepEqual(inserts, ['createMany 1', 'raw 19'])
        const rows = await db.query<{ error_message: string }>('SELECT "error_message" FROM "task ""failures"""')
        assert.deepEqual(
          rows.map((row) => row.error_message),
          Array.from({ length: 20 }, () => 'boom'),
        )
        await disconnect(own)
        rmSync(inPrisma('client', name), { recursive: true })
      })
    },
    { only: ['sqlite'] },
  )

  test('not with a fake client, which is asked for `createMany` alone', async () => {
    const { client, committed } = fakeClient<PrismaClient>()
    const log = prismaFailureLog(() => client)
    await log.write(many(100))
    await log.write(many(1))
    assert.ok(
      committed.every(({ operation }) => operation === 'createMany'),
      committed.map(({ operation }) => operation).join(),
    )
  })
})

/** A client of another schema. */
async function generate(name: string, change: (schema: string) => string) {
  const folder = inPrisma('client', name)
  mkdirSync(folder, { recursive: true })
  const schema = `${folder}/schema.prisma`
  writeFileSync(schema, change(readFileSync(schemaFile('sqlite'), 'utf8')).replace('"client/sqlite"', '"generated"'))
  const prisma = createRequire(import.meta.url).resolve('prisma/build/index.js')
  // As prisma/setup.ts does it: without the engine that `generate` does not need.
  const env = {
    ...process.env,
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    CHECKPOINT_DISABLE: '1',
    DATABASE_URL: '',
  }
  execFileSync(process.execPath, [prisma, 'generate', '--no-hints', '--schema', schema], { env, stdio: 'ignore' })
  return (await import(`${folder}/generated/client.ts`)) as { PrismaClient: typeof PrismaClient }
}
