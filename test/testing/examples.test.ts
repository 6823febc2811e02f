// The examples of the README run, each in its own runner, in a project that has the package as npm would install it.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { PrismaLibSql } from '@prisma/adapter-libsql'
import { migrate } from '../../prisma/migrate.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const examples = fileURLToPath(new URL('examples', import.meta.url))
const run = promisify(execFile)
const require = createRequire(import.meta.url)

/** The file as a reader's project has it. */
const asInProject = async (file: string): Promise<string> => {
  const code = await readFile(join(examples, file), 'utf8')
  return code.replace('../../../prisma/client/sqlite/client.js', './generated/prisma/client.js')
}

const binOf = (name: string, bin: string): string => join(dirname(require.resolve(`${name}/package.json`)), bin)

describe('the examples of the README', () => {
  let project: string
  let url: string

  before(async () => {
    await mkdir(join(root, '.scratch'), { recursive: true })
    project = await mkdtemp(join(root, '.scratch/examples-'))
    url = `file:${join(project, 'shop.db')}`
    const installed = join(project, 'node_modules/after-commit')
    await mkdir(installed, { recursive: true })
    await cp(join(root, 'package.json'), join(installed, 'package.json'))
    const build = ['-p', join(root, '.config/tsconfig.build.json'), '--outDir', join(installed, 'dist')]
    await run(process.execPath, [binOf('typescript', 'bin/tsc'), ...build])

    await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'shop', type: 'module' }))
    await cp(join(root, 'prisma/client/sqlite'), join(project, 'generated/prisma'), { recursive: true })
    for (const file of await readdir(examples)) await writeFile(join(project, file), await asInProject(file))
    await migrate(new PrismaLibSql({ url }))
  })

  after(() => rm(project, { recursive: true, force: true }))

  /** Runs a command of the project, and answers with all that it prints. */
  async function printed(args: readonly string[]): Promise<string> {
    const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env
    const own = { ...env, DATABASE_URL: url, NO_COLOR: '1' }
    const { stdout, stderr } = await run(process.execPath, args, { cwd: project, env: own })
    return stdout + stderr
  }

  test('run in vitest', async () => {
    const output = await printed([binOf('vitest', 'vitest.mjs'), 'run', 'vitest.spec.ts'])
    assert.match(output, /Tests {2}1 passed \(1\)/)
  })

  test('run in jest', async () => {
    const output = await printed(['--experimental-vm-modules', binOf('jest', 'bin/jest.js'), 'jest.spec.ts'])
    assert.match(output, /Tests: +2 passed, 2 total/)
  })

  test('run in node:test', async () => {
    const output = await printed(['--import', import.meta.resolve('tsx'), '--test', 'node.spec.ts'])
    assert.match(output, /^(#|ℹ) pass 2$/m)
  })

  test('are what the README shows', async () => {
    const readme = await readFile(join(root, 'README.md'), 'utf8')
    for (const file of await readdir(examples)) {
      assert.ok(readme.includes(await asInProject(file)), `README.md has not what is in ${file}`)
    }
  })
})
