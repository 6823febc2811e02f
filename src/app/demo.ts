/**
 * The demo: the same requests twice, first with the partners called inside the transaction, then after its commit,
 * while a partner fails, is slow, and a burst comes. Prints one table, and checks the promise against the database and
 * the partners' own lists.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cleanup } from './demo/cleanup.js'
import { cleanUpWhenInterrupted } from './demo/interrupt.js'
import { createProgress } from './demo/progress.js'
import { maxPending, runRung } from './demo/run-rung.js'
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
// Again where it was not empty after all: what was interrupted may still be writing.
const remove = (path: string) => () => rm(path, { recursive: true, force: true, maxRetries: 10 })
cleanup.add(remove(folder))

let interrupted = false
cleanUpWhenInterrupted(cleanup, () => {
  interrupted = true
  console.log('\nInterrupted: stopping the app and the partners')
  cleanup.add(remove(logFolder))
})

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
  if (!verdict.kept) throw new Error('The promise is broken.')
  cleanup.add(remove(logFolder))
  console.log(`
A task is rejected while ${maxPending} are unfinished, the bound here. Like a failed one it is a row, and can be run again.
Next: \`npm start\` shows the same live in a browser, \`npm run limits\` what a pool in memory cannot do.`)
} catch (error) {
  const message = error instanceof Error ? error.message : String(error)
  if (!interrupted) console.error(`\n${message}\nThe logs of the app and the partners: ${logFolder}`)
  process.exitCode = 1
} finally {
  await cleanup.run()
}
