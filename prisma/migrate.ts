// Migrations without Prisma's CLI: its own schema engine, compiled to WebAssembly, over a driver adapter. Nothing to
// download. It keeps the same `_prisma_migrations` table, so that `npx prisma migrate deploy` can take over at any time.
// The WebAssembly engine knows SQLite and PostgreSQL, not MySQL.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { PrismaPg } from '@prisma/adapter-pg'
import {
  bindMigrationAwareSqlAdapterFactory,
  type SqlMigrationAwareDriverAdapterFactory as AdapterFactory,
} from '@prisma/driver-adapter-utils'
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg'
import { inPrisma, schemaFile, type Provider } from './providers.js'

const noFilters = { externalTables: [], externalEnums: [] }

/**
 * Applies the migrations that the database does not have yet.
 *
 * @returns the names of those that it applied, oldest first
 * @example await migrate(new PrismaLibSql({ url: 'file:./prisma/dev.db' }))
 */
export function migrate(adapter: AdapterFactory): Promise<string[]> {
  return withEngine(adapter, async (engine, provider) => {
    const migrationsList = migrationsOf(provider)
    const { appliedMigrationNames } = await engine.applyMigrations({ migrationsList, filters: noFilters })
    return appliedMigrationNames
  })
}

/** What Prisma says about the history of a database; `history` is null when nothing is pending and nothing is unknown. */
export function diagnose(adapter: AdapterFactory): Promise<bindings.DiagnoseMigrationHistoryOutput> {
  return withEngine(adapter, (engine, provider) =>
    engine.diagnoseMigrationHistory({
      migrationsList: migrationsOf(provider),
      optInToShadowDatabase: false,
      filters: noFilters,
    }),
  )
}

/** The script that turns the tables of a database into those of schema.prisma; undefined when they already are. */
export function difference(adapter: AdapterFactory): Promise<string | undefined> {
  return withEngine(adapter, async (engine, provider) => {
    const { exitCode, stdout } = await engine.diff({
      from: { tag: 'schemaDatasource', ...schemaOf(provider), configDir: inPrisma() },
      to: { tag: 'schemaDatamodel', ...schemaOf(provider) },
      script: true,
      exitCode: true,
      filters: noFilters,
    })
    return exitCode === 0 || stdout === null ? undefined : stdout
  })
}

export function migrationsOf(provider: Provider): bindings.MigrationList {
  const baseDir = inPrisma('migrations', provider)
  const lockfile = inPrisma('migrations', provider, 'migration_lock.toml')
  const folders = existsSync(baseDir) ? readdirSync(baseDir, { withFileTypes: true }) : []
  const names = folders.filter((folder) => folder.isDirectory()).map((folder) => folder.name)
  return {
    baseDir,
    lockfile: { path: 'migration_lock.toml', content: existsSync(lockfile) ? readFileSync(lockfile, 'utf8') : null },
    shadowDbInitScript: '',
    migrationDirectories: names.toSorted().map((name) => ({
      path: name,
      migrationFile: {
        path: 'migration.sql',
        content: { tag: 'ok', value: readFileSync(inPrisma('migrations', provider, name, 'migration.sql'), 'utf8') },
      },
    })),
  }
}

function schemaOf(provider: Provider): bindings.SchemasContainer {
  const path = schemaFile(provider)
  return { files: [{ path, content: readFileSync(path, 'utf8') }] }
}

async function withEngine<T>(
  factory: AdapterFactory,
  use: (engine: bindings.SchemaEngine, provider: Provider) => Promise<T>,
): Promise<T> {
  const provider = providerOf(factory)
  await load()
  // The engine never disposes of what it connected.
  const connected: { dispose(): Promise<void> }[] = []
  const bound = bindMigrationAwareSqlAdapterFactory({
    provider: factory.provider,
    adapterName: factory.adapterName,
    async connect() {
      const adapter = await (factory instanceof PrismaPg ? connectKnowingChar(factory) : connectQuoting(factory))
      connected.push(adapter)
      return adapter
    },
    // adapter-pg 7.10 connects to the main database when it is configured by a URL, and would migrate that one.
    connectToShadowDb: () => Promise.reject(new Error('No shadow database: compare with a temporary one instead')),
  })
  const datamodels: [string, string][] = schemaOf(provider).files.map((file) => [file.path, file.content])
  try {
    const engine = await bindings.SchemaEngine.new({ datamodels }, () => {}, bound)
    return await use(engine, provider).finally(() => engine.free())
  } catch (error) {
    // A driver's error, a refused connection for example, arrives here as its number only.
    const id = /External error id#(\d+)/.exec(String(error))?.[1]
    throw (id === undefined ? undefined : bound.errorRegistry.consumeError(Number(id))?.error) ?? error
  } finally {
    for (const adapter of connected) await adapter.dispose()
  }
}

function providerOf(factory: AdapterFactory): Provider {
  if (factory.provider === 'sqlite') return 'sqlite'
  if (factory.provider === 'postgres') return 'postgresql'
  throw new Error(`Prisma's WebAssembly schema engine does not know ${factory.provider}: use npx prisma migrate deploy`)
}

// PostgreSQL's catalog has columns of type "char" (18), which the engine reads and adapter-pg 7.10 refuses. Called text
// (25) they pass.
async function connectKnowingChar(factory: PrismaPg) {
  const adapter = await factory.connect()
  const pool = adapter.underlyingDriver()
  const query = pool.query.bind(pool) as (...args: unknown[]) => Promise<{ fields: { dataTypeID: number }[] }>
  const relabelled = async (...args: unknown[]) => {
    const result = await query(...args)
    for (const field of result.fields) if (field.dataTypeID === 18) field.dataTypeID = 25
    return result
  }
  pool.query = relabelled as unknown as typeof pool.query
  return adapter
}

// The engine 7.10 asks SQLite for a partial index by its name in double quotes, which the drivers' SQLite takes for a column.
async function connectQuoting(factory: AdapterFactory) {
  const adapter = await factory.connect()
  const queryRaw = adapter.queryRaw.bind(adapter)
  adapter.queryRaw = (query) =>
    queryRaw({ ...query, sql: query.sql.replace(/(FROM sqlite_master .* name = )"(\w+)"/, `$1'$2'`) })
  return adapter
}

let loading: Promise<void> | undefined

function load(): Promise<void> {
  loading ??= instantiate()
  return loading
}

// The package's entry imports the .wasm file as an ES module, which Node 20 and 22 do only behind a flag.
async function instantiate(): Promise<void> {
  const wasm = new URL('schema_engine_bg.wasm', import.meta.resolve('@prisma/schema-engine-wasm/schema_engine_bg'))
  const { instance } = await WebAssembly.instantiate(readFileSync(wasm), { './schema_engine_bg.js': bindings })
  const untyped = bindings as unknown as { __wbg_set_wasm(exports: object): void }
  untyped.__wbg_set_wasm(instance.exports)
  instance.exports.__wbindgen_start()
}

// Only TypeScript's browser library declares it.
declare const WebAssembly: {
  instantiate(
    code: Uint8Array,
    imports: Record<string, object>,
  ): Promise<{ instance: { exports: { __wbindgen_start(): void } } }>
}
