// `npm run migration -- <name>`: writes the migration from prisma/migrations to schema.prisma, for every database.
// It needs PostgreSQL (POSTGRES_URL): Prisma compares the schema with the tables of a real, temporary database.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PrismaLibSql } from '@prisma/adapter-libsql'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { difference, migrate, migrationsOf } from './migrate.js'
import { toMysql } from './mysql-migration.js'
import { inPrisma, schemaFile, type Provider } from './providers.js'

async function sqliteChanges(): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'after-commit-'))
  try {
    const adapter = new PrismaLibSql({ url: `file:${folder}/migration.db` })
    await migrate(adapter)
    return await difference(adapter)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function postgresqlChanges(): Promise<string | undefined> {
  const url = new URL(process.env['POSTGRES_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres')
  const admin = new pg.Client(url.href)
  await admin.connect()
  const database = `after_commit_migration_${process.pid}`
  await admin.query(`CREATE DATABASE ${database}`)
  try {
    url.pathname = database
    const adapter = new PrismaPg(url.href)
    await migrate(adapter)
    return await difference(adapter)
  } finally {
    await admin.query(`DROP DATABASE ${database}`)
    await admin.end()
  }
}

function write(provider: Provider, migration: string, script: string): void {
  const folder = inPrisma('migrations', provider)
  mkdirSync(`${folder}/${migration}`, { recursive: true })
  writeFileSync(`${folder}/${migration}/migration.sql`, `${script.trim()}\n`)
  writeFileSync(`${folder}/migration_lock.toml`, `# Prisma Migrate reads this\nprovider = "${provider}"\n`)
  console.log(`prisma/migrations/${provider}/${migration}/migration.sql`)
}

const name = process.argv[2]?.replace(/\W+/g, '_').toLowerCase()
if (name === undefined || name === '') throw new Error('Usage: npm run migration -- <name>')

const sqlite = await sqliteChanges()
const postgresql = await postgresqlChanges()
if (sqlite === undefined || postgresql === undefined) {
  console.log('Nothing to do: the migrations already make what schema.prisma says')
} else {
  const mysql = toMysql(postgresql, readFileSync(schemaFile('mysql'), 'utf8'))
  const first = migrationsOf('sqlite').migrationDirectories.length === 0
  const time = first ? '0'.repeat(14) : new Date().toISOString().replace(/\D/g, '').slice(0, 14)
  write('sqlite', `${time}_${name}`, sqlite)
  write('postgresql', `${time}_${name}`, postgresql)
  write('mysql', `${time}_${name}`, mysql)
}
