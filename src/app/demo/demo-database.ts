import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { Client } from 'pg'
import { isEmbedded, migrateDatabase, connect } from '../database.js'
import { embedded, nameOf, StartError } from '../prepare-database.js'
import { type SampleData, addSampleData } from '../sample-data.js'
import type { Cleanup } from './cleanup.js'

/** A database of its own for one run, with tables and sample data. */
export interface DemoDatabase {
  readonly url: string
  readonly data: SampleData
}

/**
 * Makes a fresh database: an SQLite file in the folder, or, where DATABASE_URL names a PostgreSQL server, a new
 * database there, dropped at the end.
 */
export async function createDemoDatabase(
  folder: string,
  name: string,
  size: { users: number; drafts: number },
  cleanup: Cleanup,
): Promise<DemoDatabase> {
  const server = serverUrl()
  const url = server === undefined ? `file:${join(folder, `${name}.db`)}` : await createOn(server, cleanup)
  await migrateDatabase(url)
  const prisma = connect(url)
  try {
    return { url, data: await addSampleData(prisma, size) }
  } finally {
    await prisma.$disconnect()
  }
}

/** The PostgreSQL server that DATABASE_URL names. Without one the databases are SQLite files. */
export function serverUrl(): string | undefined {
  const url = process.env['DATABASE_URL'] ?? ''
  return url === '' || isEmbedded(url) ? undefined : url
}

async function createOn(server: string, cleanup: Cleanup): Promise<string> {
  const name = `after_commit_demo_${randomUUID().replaceAll('-', '')}`
  await execute(server, `CREATE DATABASE ${name}`).catch((error: unknown) => refuse(server, error))
  cleanup.add(() => execute(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

function refuse(server: string, error: unknown): never {
  // Of a host with several addresses the error has no message.
  const why = error instanceof Error && error.message !== '' ? error.message : String(Object(error).code)
  throw new StartError(`The database ${nameOf(server)} cannot be used: ${why}. Correct DATABASE_URL: ${embedded}`, {
    cause: error,
  })
}

async function execute(server: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: server })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
