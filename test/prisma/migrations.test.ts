import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { PrismaLibSql } from '@prisma/adapter-libsql'
import { PrismaPg } from '@prisma/adapter-pg'
import { diagnose, difference, migrate, migrationsOf } from '../../prisma/migrate.js'
import { toMysql } from '../../prisma/mysql-migration.js'
import { datasource, deriveSchema, inPrisma, providers } from '../../prisma/providers.js'
import { forEachDatabase } from '../support/databases.js'
import { modelOf } from '../support/prisma-model.js'

const schema = readFileSync(inPrisma('schema.prisma'), 'utf8')

describe('migrations', () => {
  test('exist under the same names for every database', () => {
    const [first, ...others] = providers.map((provider) =>
      migrationsOf(provider).migrationDirectories.map(({ path }) => path),
    )
    assert.notEqual(first?.length, 0)
    for (const other of others) assert.deepEqual(other, first)
  })

  test('can be applied without the CLI, once, and Prisma then finds nothing to do', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'after-commit-'))
    try {
      const adapter = new PrismaLibSql({ url: `file:${folder}/test.db` })
      const names = migrationsOf('sqlite').migrationDirectories.map(({ path }) => path)
      assert.deepEqual(await migrate(adapter), names)
      assert.deepEqual(await migrate(adapter), [])
      const { history, ...problems } = await diagnose(adapter)
      assert.equal(history, null)
      assert.deepEqual(problems, { editedMigrationNames: [], failedMigrationNames: [], hasMigrationsTable: true })
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  forEachDatabase(
    (db) => {
      test('make the tables of schema.prisma', async () => {
        const adapter = db.provider === 'sqlite' ? new PrismaLibSql({ url: db.url }) : new PrismaPg(db.url)
        assert.equal(await difference(adapter), undefined)
        await db.execute('ALTER TABLE "Course" ADD COLUMN "extra" INTEGER')
        assert.match((await difference(adapter)) ?? '', /extra|Course/)
      })
    },
    { only: ['sqlite', 'postgresql'] },
  )

  // Prisma's engine can not look at MySQL here, see prisma/mysql-migration.ts. So both say what they have in their catalogs.
  const catalogs = new Map<string, unknown>()
  forEachDatabase(
    (db) => {
      test('make the same tables on PostgreSQL and MySQL', async () => {
        const here = db.provider === 'mysql' ? 'DATABASE()' : `'public'`
        const columns = await db.query<{ t: string; c: string; n: string; d: string; y: string }>(
          `SELECT table_name AS t, column_name AS c, is_nullable AS n, column_default AS d, data_type AS y
           FROM information_schema.columns WHERE table_schema = ${here}`,
        )
        const keys = await db.query(
          `SELECT constraint_name AS k, delete_rule AS d, update_rule AS u FROM information_schema.referential_constraints
           WHERE constraint_schema = ${here}`,
        )
        const indexes = await db.query<{ i: string; u: number }>(
          db.provider === 'mysql'
            ? `SELECT DISTINCT index_name AS i, non_unique = 0 AS u FROM information_schema.statistics
               WHERE table_schema = ${here} AND index_name <> 'PRIMARY'`
            : `SELECT indexrelid::regclass::text AS i, indisunique::int AS u FROM pg_index
               JOIN pg_class ON pg_class.oid = indrelid WHERE relnamespace = 'public'::regnamespace AND NOT indisprimary`,
        )
        assert.ok(columns.length > 0 && keys.length > 0 && indexes.length > 0)
        catalogs.set(db.name, {
          columns: sorted(columns.map(({ t, c, n, d, y }) => ({ t, c, n, hasDefault: defaultOf(d), y: typeOf(y) }))),
          keys: sorted(keys.map(withoutNoAction)),
          indexes: sorted(indexes.map(({ i, u }) => ({ i: i.replaceAll('"', ''), u }))),
        })
        if (catalogs.size === 2) assert.deepEqual(catalogs.get('mariadb'), catalogs.get('postgresql'))
      })
    },
    { only: ['postgresql', 'mariadb'] },
  )

  test('stop at a line of PostgreSQL that has no known translation', () => {
    assert.throws(() => toMysql('ALTER TABLE "Order" ALTER COLUMN "amount" DROP NOT NULL;', schema), /by hand/)
  })
})

describe('the schemas', () => {
  test('derive from one, with long texts where MySQL needs them', () => {
    const mysql = deriveSchema(schema, 'mysql')
    assert.match(mysql, /provider = "mysql"/)
    assert.match(mysql, /payload +String\? @db\.LongText/)
    const plain = mysql.replaceAll(' @db.LongText', '')
    assert.deepEqual(modelOf(plain, 'TaskFailure'), modelOf(schema, 'TaskFailure'))
  })

  test('the fragment to paste is the model of the schema', () => {
    const fragment = readFileSync(inPrisma('fragments/task-failure.prisma'), 'utf8')
    assert.deepEqual(modelOf(fragment, 'TaskFailure'), modelOf(schema, 'TaskFailure'))
  })

  test('the outbox is the same to paste, but for the type of its ids', () => {
    const fragment = readFileSync(inPrisma('fragments/outbox.prisma'), 'utf8')
    for (const model of ['OutboxMessage', 'ProcessedMessage', 'OutboxLock']) {
      assert.deepEqual(modelOf(fragment, model), modelOf(deriveSchema(schema, 'postgresql'), model))
    }
  })

  test('DATABASE_URL says which one', () => {
    assert.equal(datasource(undefined).provider, 'sqlite')
    assert.equal(datasource('postgres://127.0.0.1/x').provider, 'postgresql')
    assert.equal(datasource('mariadb://127.0.0.1/x').url, 'mysql://127.0.0.1/x')
    assert.throws(() => datasource('mongodb://127.0.0.1/x'), /DATABASE_URL/)
  })
})

const sorted = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).toSorted()

const types = new Map([
  ['character varying', 'text'],
  ['varchar', 'text'],
  ['longtext', 'text'],
  ['int', 'integer'],
  ['datetime', 'timestamp'],
  ['timestamp without time zone', 'timestamp'],
])

const typeOf = (type: string) => types.get(type) ?? type

// PostgreSQL's serial is a default, MySQL's AUTO_INCREMENT is not. MariaDB says 'NULL' for none.
const defaultOf = (value: string | null) => value !== null && value !== 'NULL' && !value.startsWith('nextval(')

// For InnoDB, RESTRICT and NO ACTION are the same.
const withoutNoAction = (row: object) => JSON.parse(JSON.stringify(row).replaceAll('NO ACTION', 'RESTRICT')) as object
