// npm test                          every test
// npm test -- scope pool            the files whose path contains one of these
// npm test -- --only 'rolls back'   the tests whose name matches the pattern
// npm test -- --databases mariadb   only says whether a database answers (all of them without a name); fails if not
// TEST_BROWSER=no npm test          without the tests in a browser, which one version of Node is enough for
import { setMaxListeners } from 'node:events'
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { relative, resolve } from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

// The processes of the tests inherit it, see prefix in support/servers.ts.
process.env['TEST_RUN'] = process.pid.toString(36)
const { dropAll, servers, unavailable } = await import('./support/servers.js')
const { grouped } = await import('./support/groups.js')
const { isFactOfVersion } = await import('./support/prisma-version.js')

const ci = process.env['CI'] === 'true'
const browser = process.env['TEST_BROWSER'] !== 'no'
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' }, databases: { type: 'boolean' } },
})

if (!(await reportDatabases()) && values.databases) process.exit(1)
if (!values.databases) await runTests()

async function reportDatabases(): Promise<boolean> {
  const asked = servers.filter(
    ({ name }) => !values.databases || positionals.length === 0 || positionals.includes(name),
  )
  const reasons = await Promise.all(asked.map(unavailable))
  asked.forEach((server, index) => {
    const consequence = ci ? 'its tests fail' : 'its tests are skipped'
    console.log(
      reasons[index] === undefined ? `${server.name}: ${server.address}` : `${reasons[index]}: ${consequence}`,
    )
  })
  return reasons.every((reason) => reason === undefined)
}

async function runTests(): Promise<void> {
  const root = fileURLToPath(new URL('.', import.meta.url))
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => resolve(root, file))
    .filter(
      (file) => positionals.length === 0 || positionals.some((part) => relative(process.cwd(), file).includes(part)),
    )
    .filter((file) => browser || !relative(root, file).startsWith('browser'))
    .toSorted()

  if (!browser) console.log('browser: its tests are left out, TEST_BROWSER=no')
  const interrupted = new AbortController()
  setMaxListeners(0, interrupted.signal) // one for each file
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort())

  let ran = 0
  const failed = new Set<string>()
  const skipped = new Set<string>()
  const stream = run({
    files: grouped(files),
    concurrency: availableParallelism() + 1, // one of them waits for a database most of the time
    // Of a whole file. support/watchdog.ts sees to a single test.
    timeout: 10 * 60_000,
    signal: interrupted.signal,
    ...(values.only === undefined ? {} : { testNamePatterns: values.only }),
  })
  stream.on('test:fail', ({ name, todo }) => {
    if (todo === undefined) failed.add(name)
  })
  stream.on('test:pass', ({ name, file, skip, details }) => {
    if (skip !== undefined) {
      if (!isFactOfVersion(skip)) skipped.add(name)
    }
    // A file in which no test is reported as if it were one.
    else if (details.type !== 'suite' && name !== file) ran++
  })
  for await (const line of stream.compose(new spec())) process.stdout.write(line)

  await dropAll()
  if (ran === 0 && failed.size === 0) console.log('No test ran')
  const forbidden = ci && values.only === undefined && skipped.size > 0
  if (forbidden) console.log(`Skipped, which is a failure in CI: ${[...skipped].join(', ')}`)
  process.exitCode = failed.size > 0 || ran === 0 || forbidden ? 1 : 0
}
