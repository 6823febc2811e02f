/**
 * The limits lab: `npm run limits` makes each limit of running a task apart from its request happen, and counts.
 *
 *     npm run limits                       all of them
 *     npm run limits -- sigkill sigterm    some
 *     npm run -s limits -- --json          for a program
 */
import { availableParallelism } from 'node:os'
import { parseArgs, styleText } from 'node:util'
import { Cleanup } from './demo/cleanup.js'
import { serverUrl } from './demo/demo-database.js'
import { cleanUpWhenInterrupted } from './demo/interrupt.js'
import { limits } from './lab/all.js'
import { createProgress } from './lab/progress.js'
import { runLimits } from './lab/run.js'
import { renderTable } from './lab/table.js'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: 'boolean' } } })
const unknown = positionals.filter((name) => !limits.some((limit) => limit.name === name))
if (unknown.length > 0) {
  console.error(`There is no limit ${unknown.join(', ')}: there are ${limits.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}
const chosen = positionals.length === 0 ? limits : limits.filter(({ name }) => positionals.includes(name))

const cleanup = new Cleanup()
const progress = createProgress(process.stderr, chosen.length)
const interrupted = new AbortController()
const { signal } = interrupted
cleanUpWhenInterrupted(cleanup, () => {
  interrupted.abort()
  progress.stop()
  console.error('\nInterrupted: stopping processes, removing databases')
})

const strong = (name: string): string => (process.stdout.isTTY ? styleText('bold', name) : name)
const began = performance.now()
try {
  const shown = await runLimits(chosen, { all: cleanup, watcher: progress, signal })
  const seconds = Math.round((performance.now() - began) / 1000)
  const database = serverUrl() === undefined ? 'SQLite' : 'PostgreSQL'
  const { version: node } = process
  const cores = availableParallelism()
  if (signal.aborted) await new Promise(() => {}) // the process ends when everything is undone
  if (values.json === true) console.log(JSON.stringify({ node, cores, database, seconds, limits: shown }, null, 2))
  else
    console.log(
      `\n${renderTable(shown, process.stdout.columns, strong)}\n${seconds} seconds, on ${database} and Node ${node}`,
    )
  if (shown.length < chosen.length) process.exitCode = 1
} finally {
  await cleanup.run()
}
