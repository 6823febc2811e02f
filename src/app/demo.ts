/**
 * The demo: the same requests twice, once with the partner awaited inside the transaction and once after its commit, while a partner fails, is slow,
 * and a burst comes. Prints one table, and checks the promise against the database and the partners' own lists.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cleanup } from './demo/cleanup.js'
import { holds } from './demo/ledger.js'
import { createProgress } from './demo/progress.js'
import { runRung } from './demo/run-rung.js'
import { summarize } from './demo/summary.js'
import { renderTable } from './demo/table.js'

const requests = Number(process.env['DEMO_REQUESTS'] ?? 400)
if (!Number.isInteger(requests) || requests < 20)
  throw new TypeError('Expected DEMO_REQUESTS to be an integer from 20 and up')

const folder = await mkdtemp(join(tmpdir(), 'after-commit-demo-'))
const logFolder = await mkdtemp(join(tmpdir(), 'after-commit-demo-logs-'))
const forget = (path: string) => rm(path, { recursive: true, force: true })
const cleanup = new Cleanup()
cleanup.add(() => forget(folder))

let interrupted = false
for (const [signal, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => {
    interrupted = true
    console.log('\nInterrupted: stopping the app and the partners')
    cleanup.add(() => forget(logFolder))
    void cleanup.run().finally(() => process.exit(exitCode))
  })
}

try {
  const options = { requests, folder, logFolder, cleanup, progress: createProgress(process.stdout) }
  const inside = await runRung('inside', options)
  const after = await runRung('after', options)
  const summary = summarize('after', after)
  const { ranWithoutCommit, withoutRecord } = summary.violations

  console.log(`\n${renderTable(summarize('inside', inside), summary)}\n`)
  console.log('After the commit, by the database and the partners’ own lists:')
  console.log(`  tasks that ran for a transaction that did not commit: ${ranWithoutCommit.length}`)
  console.log(`  tasks without a record: ${withoutRecord.length}`)
  if (!holds(after.ledger, summary.violations))
    throw new Error(`The promise is broken: ${JSON.stringify(summary.violations)}`)
  await forget(logFolder)
} catch (error) {
  const message = error instanceof Error ? error.message : String(error)
  if (!interrupted) console.error(`\n${message}\nThe logs of the app and the partners: ${logFolder}`)
  process.exitCode = 1
} finally {
  await cleanup.run()
}
