// What a user gets: packs the package, installs it into an empty Express and Prisma project, compiles that with two versions of
// TypeScript and runs it, by import and by require; then the same with the copied folder `core`, and with core's tests, copied
// and started by the commands of the README. Needs the npm registry.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'after-commit-package-'))

const run = (command: string, ...args: string[]): string => {
  console.log(`$ ${[command, ...args].join(' ')}`)
  // Prisma starts no schema engine for `generate`, but insists on a path to one.
  const env = {
    ...process.env,
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    CHECKPOINT_DISABLE: '1',
    NODE_ENV: 'test',
  }
  return execFileSync(command, args, { cwd: folder, encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'inherit'] })
}

/** The commands of the README's section on copying, with this project as the clone and its versions of what they install. */
const commands = ((): string[] => {
  const section = /^## Copy core\n([^]*?)^## /m.exec(readFileSync(join(root, 'README.md'), 'utf8'))?.[1] ?? ''
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<
    'dependencies' | 'devDependencies',
    Record<string, string>
  >
  const versions: Record<string, string> = { ...dependencies, ...devDependencies }
  const pinned = (name: string): string => (versions[name] === undefined ? name : `${name}@${versions[name]}`)
  return Array.from(section.matchAll(/^```sh\n([^]*?)^```$/gm), ([, block = '']) =>
    block
      .replaceAll('../after-commit', root)
      .replaceAll(/npm install ((?:\\\n|[^&\n])+)/g, (command) =>
        command
          .replaceAll(/(?<=\s)[@\w][\w/-]*/g, pinned)
          .replace('npm install', 'npm install --ignore-scripts --no-audit --no-fund --loglevel=error'),
      ),
  )
})()

const write = (name: string, content: string): void => {
  mkdirSync(join(folder, name, '..'), { recursive: true })
  writeFileSync(join(folder, name), content)
}

/** Where there is one: the dashboard is asked for its page and for all that belongs to it. */
const withDashboard = (library: string): { imports: string; mount: string; ask: string } => ({
  imports: `import { dashboard } from '${library}/express'`,
  mount: `app.use('/tasks', dashboard(afterCommit, { authorize: (request: express.Request) => request.ip === '127.0.0.1' }))`,
  ask: `
  const ask = (path: string) => fetch(\`http://127.0.0.1:\${port}/tasks/\${path}\`)
  const files = new Set([''])
  for (const file of files) {
    const response = await ask(file)
    if (response.status !== 200) log.push(\`no \${file}\`)
    const links = (await response.text()).matchAll(/(?:src="|href="|from '\\.\\/)([\\w.]+)["']/g)
    for (const [, name] of links) files.add(name!)
  }
  if (files.size > 15) log.push('all files of the page')`,
})
const none = { imports: '', mount: '', ask: '' }

const app = (library: string, table = library, { imports, mount, ask } = none): string => `
import { PrismaLibSql } from '@prisma/adapter-libsql'
import express from 'express'
import { createAfterCommit, defineTask } from '${library}'
import { prismaFailureLog } from '${table}'
import { PrismaClient } from './generated/client.js'
${imports}

const log: string[] = []
const quiet = { debug() {}, info() {}, warn() {}, error() {}, fatal() {} }
const afterCommit = createAfterCommit({ failureLog: prismaFailureLog(() => prisma), retry: false, logger: quiet })
const prisma = afterCommit.watch(new PrismaClient({ adapter: new PrismaLibSql({ url: 'file:app.db' }) }))
for (const statement of process.env['TABLES']!.split(';')) await prisma.$executeRawUnsafe(statement)
const welcome = defineTask('welcome', (payload: { email: string }) => void log.push(payload.email))
const lost = defineTask('lost', () => Promise.reject(new Error('partner is down')))

const app = express()
${mount}
app.post('/sign-up/:email', async (request, response) => {
  await prisma.$transaction(async (tx) => {
    afterCommit(welcome, { email: request.params.email })
    afterCommit(lost)
    if (request.params.email === 'bob') throw new Error('no')
    await tx.user.create({ data: { email: request.params.email } })
  })
  response.end()
})
const server = app.listen(0, '127.0.0.1', async () => {
  const { port } = server.address() as { port: number }
  for (const email of ['ada', 'bob']) {
    const { status } = await fetch(\`http://127.0.0.1:\${port}/sign-up/\${email}\`, { method: 'POST' })
    log.push(\`\${email} \${status}\`)
  }
  await afterCommit.idle()${ask}
  log.push(\`\${await prisma.user.count()} user, \${await prisma.taskFailure.count()} failure\`)
  console.log(JSON.stringify(log.toSorted()))
  server.close()
  server.closeAllConnections()
})
`

const relayModule = `
import { PrismaLibSql } from '@prisma/adapter-libsql'
import { createAfterCommit, defineTask } from 'after-commit'
import { createOutbox, createRelay } from 'after-commit/outbox'
import { PrismaClient } from './generated/client.js'

const prisma = new PrismaClient({ adapter: new PrismaLibSql({ url: 'file:app.db' }) })
const hello = defineTask('hello', () => console.log('handled'), { durable: true })
const afterCommit = createAfterCommit({ outbox: createOutbox(() => prisma), tasks: [hello] })
await afterCommit(hello).settled
export const relay = createRelay({ afterCommit })
`

/** Starts the installed bin, waits for the message that its module has stored, and ends it with SIGTERM. */
const runBin = `
node_modules/.bin/after-commit relay out/relay.js >relay.log 2>&1 &
until grep -q handled relay.log; do kill -0 $! && sleep 0.1; done
kill -TERM $!
wait $!
cat relay.log`

const compilers = ['typescript', 'typescript7']
const expected = {
  'package-app': ['1 user, 1 failure', 'ada', 'ada 200', 'all files of the page', 'bob 500'],
  'copy-app': ['1 user, 1 failure', 'ada', 'ada 200', 'bob 500'],
}

try {
  const [packed] = JSON.parse(run('npm', 'pack', '--json', '--pack-destination', folder, root)) as {
    filename: string
  }[]
  const model = readFileSync(join(root, 'prisma/fragments/task-failure.prisma'), 'utf8')
  write('package.json', JSON.stringify({ name: 'user', private: true, type: 'module' }))
  write(
    'tsconfig.json',
    JSON.stringify({
      compilerOptions: {
        module: 'nodenext',
        target: 'es2023',
        strict: true,
        skipLibCheck: true,
        rootDir: 'src',
        outDir: 'out',
        types: ['node'],
      },
      include: ['src'],
    }),
  )
  write(
    'schema.prisma',
    `generator client {\n provider = "prisma-client"\n output = "src/generated"\n importFileExtension = "js"\n}\ndatasource db {\n provider = "sqlite"\n}\nmodel User {\n id Int @id @default(autoincrement())\n email String @unique\n}\n${model}`,
  )
  write('src/package-app.ts', app('after-commit', 'after-commit', withDashboard('after-commit')))
  write('src/relay.ts', relayModule)
  write('src/copy-app.ts', app('./core/index.js', './failure-logs/prisma.js'))
  write(
    'require.cjs',
    `const { createAfterCommit } = require('after-commit')\nconst a = createAfterCommit({ logger: { debug() {}, info() {}, warn() {}, error() {}, fatal() {} } })\na('task', () => console.log('required'))\n`,
  )
  const versions = [
    'express@5',
    '@types/express@5',
    'prisma@7.10.0',
    '@prisma/client@7.10.0',
    '@prisma/adapter-libsql@7.10.0',
    '@types/node@20',
    'typescript@~5.9',
    'typescript7@npm:typescript@7',
  ]
  run(
    'npm',
    'install',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    `./${packed?.filename}`,
    ...versions,
  )
  run('npx', 'prisma', 'generate', '--schema', 'schema.prisma')
  const [copyCore, copyWithTests] = commands
  assert.ok(copyCore && copyWithTests, 'README.md says how to copy core, without its tests and with them')
  run('bash', '-ec', copyCore)

  const migrations = readdirSync(join(root, 'prisma/migrations/sqlite'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .toSorted()
  const statements = migrations
    .flatMap((name) => readFileSync(join(root, 'prisma/migrations/sqlite', name, 'migration.sql'), 'utf8').split(';'))
    .filter((statement) => /"(TaskFailure|OutboxMessage)["_]/.test(statement))
  process.env['TABLES'] = [
    ...statements.map((text) => text.replace(/--.*/g, '').trim()),
    'CREATE TABLE "User" ("id" INTEGER PRIMARY KEY AUTOINCREMENT, "email" TEXT UNIQUE)',
  ].join(';')

  for (const compiler of compilers) {
    rmSync(join(folder, 'out'), { recursive: true, force: true })
    const version = run('node', `node_modules/${compiler}/bin/tsc`, '--version').trim()
    run('node', `node_modules/${compiler}/bin/tsc`)
    for (const name of ['package-app', 'copy-app'] as const) {
      rmSync(join(folder, 'app.db'), { force: true })
      const printed = JSON.parse(run('node', `out/${name}.js`).trim().split('\n').at(-1) ?? '') as unknown
      assert.deepEqual(printed, expected[name], `${name}, compiled by ${version}`)
    }
    assert.match(
      run('bash', '-ec', runBin),
      /relay started: out\/relay\.js[^]*handled[^]*relay stopped: claimed 1, succeeded 1/,
    )
    console.log(`${version}: the package and the copied folder compile and run, and so does its bin`)
  }
  assert.equal(run('node', 'require.cjs').trim(), 'required')
  console.log('require() works too')

  // On SQLite alone, whatever else answers: the project's own tests run on all of them.
  Object.assign(process.env, {
    POSTGRES_URL: 'postgres://127.0.0.1:1/none',
    MARIADB_URL: 'mysql://127.0.0.1:1/',
    CI: '',
  })
  const output = run('bash', '-ec', `${copyWithTests.trim()} || true`)
  const [, summary = '', failing = output] = /^(ℹ tests [^✖]*)(✖[^]*)?/m.exec(output) ?? []
  assert.match(summary, /pass \d{3,}\nℹ fail 0\n/, failing)
  console.log(`The copied tests of the copied core:\n${summary}`)

  const tests = ['lib/after-commit/test/core', 'lib/after-commit/test/invariants', 'lib/after-commit/test/run.ts']
  const compilerOptions = { noEmit: true, rootDir: '.' }
  write('tsconfig.copy.json', JSON.stringify({ extends: './tsconfig.json', compilerOptions, include: tests }))
  for (const compiler of compilers) run('node', `node_modules/${compiler}/bin/tsc`, '-p', 'tsconfig.copy.json')
} finally {
  rmSync(folder, { recursive: true, force: true })
}
