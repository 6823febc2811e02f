// What a user gets: packs the package, installs it into an empty Express and Prisma project, compiles that with two versions of
// TypeScript and runs it, by import and by require; then the same with the copied folder `core`. Needs the npm registry.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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

const write = (name: string, content: string): void => {
  mkdirSync(join(folder, name, '..'), { recursive: true })
  writeFileSync(join(folder, name), content)
}

const app = (library: string): string => `
import { PrismaLibSql } from '@prisma/adapter-libsql'
import express from 'express'
import { createAfterCommit, defineTask, prismaFailureLog } from '${library}'
import { PrismaClient } from './generated/client.js'

const log: string[] = []
const quiet = { debug() {}, info() {}, warn() {}, error() {}, fatal() {} }
const afterCommit = createAfterCommit({ failureLog: prismaFailureLog(() => prisma), retry: false, logger: quiet })
const prisma = afterCommit.watch(new PrismaClient({ adapter: new PrismaLibSql({ url: 'file:app.db' }) }))
for (const statement of process.env['TABLES']!.split(';')) await prisma.$executeRawUnsafe(statement)
const welcome = defineTask('welcome', (payload: { email: string }) => void log.push(payload.email))
const lost = defineTask('lost', () => Promise.reject(new Error('partner is down')))

const app = express()
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
  await afterCommit.idle()
  log.push(\`\${await prisma.user.count()} user, \${await prisma.taskFailure.count()} failure\`)
  console.log(JSON.stringify(log.toSorted()))
  server.close()
  server.closeAllConnections()
})
`

const expected = ['1 user, 1 failure', 'ada', 'ada 200', 'bob 500']

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
  write('src/package-app.ts', app('after-commit'))
  write('src/copy-app.ts', app('./core/index.js'))
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
  // The folder as a user copies it.
  cpSync(join(folder, 'node_modules/after-commit/src/core'), join(folder, 'src/core'), { recursive: true })

  const tables = readFileSync(join(root, 'prisma/migrations/sqlite/00000000000000_init/migration.sql'), 'utf8')
  const statements = tables.split(';').filter((statement) => /"TaskFailure"/.test(statement))
  process.env['TABLES'] = [
    ...statements.map((text) => text.replace(/--.*/g, '').trim()),
    'CREATE TABLE "User" ("id" INTEGER PRIMARY KEY AUTOINCREMENT, "email" TEXT UNIQUE)',
  ].join(';')

  for (const compiler of ['typescript', 'typescript7']) {
    rmSync(join(folder, 'out'), { recursive: true, force: true })
    const version = run('node', `node_modules/${compiler}/bin/tsc`, '--version').trim()
    run('node', `node_modules/${compiler}/bin/tsc`)
    for (const name of ['package-app', 'copy-app']) {
      rmSync(join(folder, 'app.db'), { force: true })
      const printed = JSON.parse(run('node', `out/${name}.js`).trim().split('\n').at(-1) ?? '') as unknown
      assert.deepEqual(printed, expected, `${name}, compiled by ${version}`)
    }
    console.log(`${version}: the package and the copied folder compile and run`)
  }
  assert.equal(run('node', 'require.cjs').trim(), 'required')
  console.log('require() works too')
} finally {
  rmSync(folder, { recursive: true, force: true })
}
