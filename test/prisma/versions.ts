// The tests that open a database, on the oldest versions of Prisma, each in a copy of the project that has that version.
//
//   npm run check:prisma                               the oldest 6 and the oldest 7
//   npm run check:prisma -- 7.4.2 test/core/failures   another version, some test files
//
// TEST_DATABASES=sqlite,postgresql leaves the others out. Needs the npm registry.
import { execFileSync, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Prisma 6 works without its Rust engine since 6.16. */
const oldest = ['6.16.0', '7.0.0']
const root = fileURLToPath(new URL('../..', import.meta.url))
const [asked, ...files] = process.argv.slice(2)
const databases = process.env['TEST_DATABASES'] ?? 'sqlite,postgresql,mariadb'

const failed: string[] = []
for (const version of asked === undefined ? oldest : [asked]) {
  const folder = mkdtempSync(join(tmpdir(), 'after-commit-prisma-'))
  try {
    install(version, folder)
    copy(version, folder)
    // Prisma 6 keeps one query compiler for all clients of a process, whatever their databases.
    const runs = version.startsWith('6.') ? databases.split(',') : [databases]
    for (const run of runs) if (!passes(run, folder)) failed.push(`Prisma ${version}, ${run}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
for (const what of failed) console.log(`FAILED: ${what}`)
process.exitCode = failed.length === 0 ? 0 : 1

/** Prisma in that version, and everything else from the node_modules of the project. */
function install(version: string, folder: string): void {
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true }))
  const adapters = ['libsql', 'pg', 'mariadb'].map((name) => `adapter-${name}`)
  const packages = ['client', 'driver-adapter-utils', ...adapters].map((name) => `@prisma/${name}@${version}`)
  // This one was not published.
  const published = packages.map((spec) => spec.replace('mariadb@6.16.0', 'mariadb@6.16.1'))
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  console.log(`\nPrisma ${version}`)
  execFileSync('npm', ['install', ...flags, `prisma@${version}`, ...published], { cwd: folder, stdio: 'inherit' })

  for (const entry of readdirSync(join(root, 'node_modules'))) {
    const scoped = entry.startsWith('@') ? readdirSync(join(root, 'node_modules', entry)) : ['']
    for (const path of scoped.map((name) => join('node_modules', entry, name))) {
      const target = join(folder, path)
      if (existsSync(target)) continue
      mkdirSync(dirname(target), { recursive: true })
      symlinkSync(join(root, path), target)
    }
  }
}

function copy(version: string, folder: string): void {
  for (const name of ['package.json', 'tsconfig.json', 'README.md', 'src', 'test', 'prisma']) {
    const filter = (path: string): boolean => path !== join(root, 'prisma', 'client')
    cpSync(join(root, name), join(folder, name), { recursive: true, filter })
  }
  if (version.startsWith('6.')) {
    replace(join(folder, 'prisma/schema.prisma'), '"js"\n', '"js"\n  engineType = "client"\n')
    replace(join(folder, 'prisma/schema.prisma'), '"sqlite"\n', '"sqlite"\n  url = "file:unused.db"\n')
    for (const file of readdirSync(join(folder, 'test'), { encoding: 'utf8', recursive: true })) {
      const path = join(folder, 'test', file)
      if (file.endsWith('.ts') && readFileSync(path, 'utf8').includes('PrismaLibSql')) {
        replace(path, 'PrismaLibSql', 'PrismaLibSQL')
      }
    }
  }
  execFileSync(process.execPath, ['--import', 'tsx', 'prisma/setup.ts'], { cwd: folder, stdio: 'inherit' })
}

function replace(file: string, what: string, by: string): void {
  const text = readFileSync(file, 'utf8')
  if (!text.includes(what)) throw new Error(`${file} does not contain ${what}`)
  writeFileSync(file, text.replaceAll(what, by))
}

function passes(run: string, folder: string): boolean {
  const imports = ['--conditions=source', '--import', 'tsx', '--import', './test/support/watchdog.ts']
  const chosen = files.length > 0 ? files : testsWithDatabase()
  const env = { ...process.env, TEST_DATABASES: run }
  const options = { cwd: folder, env, stdio: 'inherit' } as const
  return spawnSync(process.execPath, [...imports, 'test/run.ts', ...chosen], options).status === 0
}

/** The rules that a Prisma client has a part in, and the failure log in a table. */
function testsWithDatabase(): string[] {
  const rules = readdirSync(join(root, 'test/invariants'))
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => join('test/invariants', file))
    .filter((file) => readFileSync(join(root, file), 'utf8').includes('support/databases.js'))
  return [...rules, 'test/core/prisma-', 'test/core/failures.test.ts']
}
