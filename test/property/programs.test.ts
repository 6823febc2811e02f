// npm run property                          some thousands of programs on each database, from a seed that is printed
// PROPERTY_RUNS=50000 npm run property      more of them
// PROPERTY_SEED=… PROPERTY_PATH=…           the program that a failure has printed, 20 times: what a moment decides is not in the seed
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { forEachDatabase, type TestDatabase } from '../support/databases.js'
import { execute } from './execution.js'
import { type Program, programs } from './programs.js'
import { judge } from './verdict.js'

const runs = Number(process.env['PROPERTY_RUNS'] ?? 300)
const asked = process.env['PROPERTY_SEED'] ?? '20261122'
const seed = asked === 'random' ? Date.now() % 1_000_000_000 : Number(asked)
const path = process.env['PROPERTY_PATH']

/** Programs of one test: its line says how far it has come. */
const chunk = 50
/** Milliseconds. A program takes some tens; one that never ends must leave time to find a smaller one, and to print it. */
const limits = { timeout: 10_000, interruptAfterTimeLimit: 45_000, markInterruptAsFailure: true }

let executed = 0

async function run(db: TestDatabase, program: Program): Promise<void> {
  const prefix = `p${++executed}-`
  await judge(db, prefix, await execute(db, program, prefix))
}

/** Checks programs, and prints the smallest one that fails with the command that runs it again. */
async function check(db: TestDatabase, numRuns: number, from: number): Promise<void> {
  const repeated = path === undefined ? 1 : 20
  const property = fc.asyncProperty(programs, async (program) => {
    for (let n = 0; n < repeated; n++) await run(db, program)
  })
  const which = path === undefined ? { numRuns } : { numRuns: 1, path, endOnFailure: true }
  const details = await fc.check(property, { seed: from, includeErrorInReport: true, ...limits, ...which })
  if (!details.failed) return
  const again = `TEST_DATABASES=${db.name} PROPERTY_SEED=${from} PROPERTY_PATH=${details.counterexamplePath} npm run property`
  const report = fc.defaultReportMessage(details)?.replaceAll('__proto__:null,', '')
  throw new Error(`${report}\n\nThe same program again: ${again}`)
}

describe(`Random programs of transactions, savepoints, failures and shutdowns, seed ${seed}`, () => {
  forEachDatabase(
    (db) => {
      for (let first = 0; first < (path === undefined ? runs : 1); first += chunk) {
        const last = Math.min(first + chunk, runs)
        const which = path === undefined ? `${first + 1} to ${last}` : path
        test(`what is stored runs or is accounted for, nothing else does: programs ${which}`, async () => {
          await db.reset()
          await check(db, last - first, seed + first / chunk)
        })
      }
    },
    { only: ['sqlite', 'postgresql'] },
  )
})
