import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { beforeEach, describe, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { run } from '../../src/cli/commands.js'
import { forEachDatabase, type TestDatabase } from '../support/databases.js'
import { durable, messagesOf } from '../support/outbox.js'
import { until } from '../support/wait.js'
import { works } from './relay.module.js'

const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
const module = pathOf('./relay.module.ts')

interface Cli {
  readonly child: ChildProcess
  readonly output: () => string
  readonly exited: Promise<number | NodeJS.Signals | null>
}

/** The bin, as a shell would start it. */
function cli(t: TestContext, args: readonly string[], database?: Pick<TestDatabase, 'provider' | 'url'>): Cli {
  const env = { ...process.env, ...(database && { RELAY_PROVIDER: database.provider, RELAY_URL: database.url }) }
  const flags = ['--conditions=source', '--import', 'tsx', pathOf('../../src/cli/bin.ts')]
  const child = spawn(process.execPath, [...flags, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()))
  t.after(() => child.kill('SIGKILL'))
  const exited = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal))
  })
  return { child, output: () => output, exited }
}

const printed = (process: Cli, line: string): Promise<boolean> => until(() => process.output().includes(line))

describe('after-commit relay', () => {
  forEachDatabase((db) => {
    beforeEach(() => db.reset())

    test('handles messages until SIGTERM, lets the running handler end, and exits with 0', async (t) => {
      const { afterCommit } = durable(db, [works])
      const process = cli(t, ['relay', module], db)
      await printed(process, 'relay started: ')
      await afterCommit(works, 'at once').settled
      await printed(process, 'ended at once')
      await afterCommit(works, 'until the signal').settled
      await printed(process, 'started until the signal')
      process.child.kill('SIGTERM')
      assert.equal(await process.exited, 0, process.output())
      assert.match(process.output(), /relay stopping: SIGTERM, 10000 ms for the handlers that run\n/)
      assert.match(process.output(), /ended until the signal\nrelay stopped: claimed 2, succeeded 2\n$/)
      assert.deepEqual(await messagesOf(db), [])
    })

    test('a handler that does not end within the grace: exits with 1, and its message is there for another relay', async (t) => {
      const { afterCommit } = durable(db, [works])
      await afterCommit(works, 'for ever').settled
      const process = cli(t, ['relay', module, '--export', 'makeRelay', '--grace', '1'], db)
      await printed(process, 'started for ever')
      process.child.kill('SIGINT')
      assert.equal(await process.exited, 1, process.output())
      assert.match(process.output(), /relay stopped, not clean: claimed 1, released 1, interrupted 1/)
      assert.deepEqual(
        (await messagesOf(db)).map(({ status, attempts }) => [status, attempts]),
        [['pending', 0]],
      )
    })

    test('a table that is not there is an error that says what to do', async (t) => {
      await db.execute(`ALTER TABLE ${table(db, 'OutboxMessage')} RENAME TO ${table(db, 'Elsewhere')}`)
      const process = cli(t, ['relay', module], db)
      const code = await process.exited
      await db.execute(`ALTER TABLE ${table(db, 'Elsewhere')} RENAME TO ${table(db, 'OutboxMessage')}`)
      assert.equal(code, 1)
      assert.match(process.output(), /^The table OutboxMessage is not there: paste prisma\/fragments\/outbox\.prisma/)
      assert.doesNotMatch(process.output(), /relay started/)
    })
  })

  forEachDatabase(
    (db) => {
      test('a second signal ends it at once, with 128 and its number', async (t) => {
        const { afterCommit } = durable(db, [works])
        await afterCommit(works, 'for ever').settled
        const process = cli(t, ['relay', module], db)
        await printed(process, 'started for ever')
        process.child.kill('SIGTERM')
        await printed(process, 'relay stopping')
        process.child.kill('SIGTERM')
        assert.equal(await process.exited, 128 + 15)
      })
    },
    { only: ['sqlite'] },
  )

  const commandLines: [title: string, args: string[], code: number, output: RegExp][] = [
    ['says what there is with --help', ['--help'], 0, /^Usage: after-commit <command>\n[^]*relay {5}handles/],
    ['says what a command takes with --help', ['relay', '--help'], 0, /^Usage: after-commit relay <module>/],
    ['names the command that it does not know', ['relai'], 2, /^There is no command relai\.\n\nUsage/],
    ['asks for a command', [], 2, /^No command is given/],
    ['asks for a module', ['relay'], 2, /^Expected the path of one module\.\n\nUsage/],
    ['refuses a grace that is no number', ['relay', 'a.js', '--grace', 'soon'], 2, /^Expected --grace to be a number/],
    ['refuses an option that it does not know', ['relay', 'a.js', '--lost'], 2, /^Unknown option '--lost'[^]*Usage/],
    ['names the module that is not there', ['relay', './none.js'], 1, /^There is no module \/.*\/none\.js\.$/],
    [
      'names the export that is not there',
      ['relay', module],
      1,
      /has no export `relay`: it exports makeRelay, nothing, relay, works\. Write `export const relay/,
    ],
    [
      'refuses an export that is no relay',
      ['relay', module, '--export', 'nothing'],
      1,
      /is no relay, but \{ start: 1 \}/,
    ],
  ]
  for (const [title, args, code, output] of commandLines) {
    test(title, async (t) => {
      const lines: unknown[] = []
      for (const method of ['log', 'error'] as const)
        t.mock.method(console, method, (line: unknown) => lines.push(line))
      assert.equal(await run(args), code)
      assert.match(lines.join('\n'), output)
    })
  }
})

const table = ({ provider }: TestDatabase, name: string): string => (provider === 'mysql' ? `\`${name}\`` : `"${name}"`)
