// What differs between the databases, and which one DATABASE_URL means. The models are written once, in schema.prisma.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

export type Provider = 'sqlite' | 'postgresql' | 'mysql'

/** Columns whose default type is too small on that database: Prisma's `String` is VARCHAR(191) on MySQL. */
const nativeTypes: Record<Provider, Record<string, Record<string, string>>> = {
  sqlite: {},
  postgresql: {},
  mysql: {
    TaskFailure: { payload: '@db.LongText', errorMessage: '@db.LongText', errorStack: '@db.LongText' },
    OutboxMessage: { payload: '@db.LongText', headers: '@db.LongText', lastError: '@db.LongText' },
  },
}

export const providers: readonly Provider[] = ['sqlite', 'postgresql', 'mysql']

const here = fileURLToPath(new URL('.', import.meta.url))

/** Path of a file in the prisma folder. */
export const inPrisma = (...path: string[]) => resolve(here, ...path)

/** The schema of one database: schema.prisma itself for SQLite, otherwise a copy with other provider, output and column types. */
export function deriveSchema(schema: string, provider: Provider): string {
  if (provider === 'sqlite') return schema
  let derived = schema.replace('"sqlite"', `"${provider}"`).replace('"client/sqlite"', `"${provider}"`)
  // SQLite numbers rows in 64 bits too, but only in a column that is an INTEGER.
  derived = derived.replace(/(model OutboxMessage \{\n\s+id\s+)Int   /, '$1BigInt')
  for (const [model, columns] of Object.entries(nativeTypes[provider])) {
    for (const [column, type] of Object.entries(columns)) {
      const line = new RegExp(`(model ${model} \\{[^}]*?\\n\\s+${column}\\s+String\\??)`)
      if (!line.test(derived)) throw new Error(`schema.prisma has no text column ${model}.${column}, see providers.ts`)
      derived = derived.replace(line, `$1 ${type}`)
    }
  }
  return derived
}

/** Writes the schema of one database where Prisma's tools can read it, and returns its path. */
export function schemaFile(provider: Provider): string {
  const source = inPrisma('schema.prisma')
  if (provider === 'sqlite') return source
  const path = inPrisma('client', `${provider}.prisma`)
  mkdirSync(inPrisma('client'), { recursive: true })
  writeFileSync(path, deriveSchema(readFileSync(source, 'utf8'), provider))
  return path
}

/** The database that a URL names; without one, the embedded database `prisma/dev.db`. */
export function datasource(url: string | undefined): { provider: Provider; url: string } {
  // Absolute, because Prisma's tools and the drivers do not agree on the folder that a relative path starts from.
  if (url === undefined || url === '') return { provider: 'sqlite', url: pathToFileURL(inPrisma('dev.db')).href }
  if (url.startsWith('file:')) return { provider: 'sqlite', url: `file:${resolve(url.slice('file:'.length))}` }
  if (/^postgres(ql)?:/.test(url)) return { provider: 'postgresql', url }
  if (/^(mysql|mariadb):/.test(url)) return { provider: 'mysql', url: url.replace(/^mariadb:/, 'mysql:') }
  throw new Error(
    `DATABASE_URL must start with file:, postgres:, postgresql:, mysql: or mariadb:, got ${url.split(':')[0]}:`,
  )
}
