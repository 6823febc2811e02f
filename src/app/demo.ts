/**
 * The demo: the same requests twice, first with the partners called inside the transaction, then after its commit,
 * while a partner fails, is slow, and a burst comes. Prints one table, and checks the promise against the database and
 * the partners' own lists.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cleanup } from './demo/cleanup.js'
import { createProgress } from './demo/progress.js'
import { runRung } from './demo/run-rung.js'
import { summarize } from './demo/summary.js'
import { renderTable } from './demo/table.js'
import { judge } from './demo/verdict.js'

const requests = Number(process.env['DEMO_REQUESTS'] ?? 400)
if (!Number.isInteger(requests) || requests < 20) {
  throw new TypeError(`Expected DEMO_REQUESTS to be an integer from 20 and up, got ${process.env['DEMO_REQUESTS']}`)
}

const folder = await mkdtemp(join(tmpdir(), 'after-commit-demo-'))
const logFolder = await mkdtemp(join(tmpdir(), 'after-commit-demo-logs-'))
const cleanup = new Cleanup()
const remove = (path: string) => () => rm(path, { recursive: true, force: true })
cleanup.add(remove(folder))

let interrupted = false
for (const [signal, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => {
    interrupted = true
    console.log('\nInterrupted: stopping the app and the partners')
    cleanup.add(remove(logFolder))
    void cleanup.run().finally(() => process.exit(exitCode))
  })
}

try {
  console.log(
    `The same ${requests} requests twice, with the same failing partners. They are called\n` +
      'first inside the transaction (rung 0), then after its commit (rung 1).\n',
  )
  const options = { requests, folder, logFolder, cleanup, progress: createProgress(process.stdout) }
  const inside = await runRung('inside', options)
  const after = await runRung('after', options)
  const verdict = judge(after.ledger)
  console.log(`\n${renderTable(summarize('inside', inside), summarize('after', after))}\n\n${verdict.text}`)
  if (verdict.kept) cleanup.add(remove(logFolder))
  else throw new Error('The promise is broken.')
} catch (error) {
  const message = error instanceof Error ? error.message : String(error)
  if (!interrupted) console.error(`\n${message}\nThe logs of the app and the partners: ${logFolder}`)
  process.exitCode = 1
} finally {
  await cleanup.run()
}
