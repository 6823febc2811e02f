// PROPERTY_RUNS=5000 npm test -- test/property    as many programs on each database
// PROPERTY_SEED=… PROPERTY_PATH=…                 the program that a failure has printed
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { AbortError, createAfterCommit, type TaskHandle } from '../../src/index.js'
import { contextOptions } from '../support/context.js'
import { forEachDatabase, type TestDatabase } from '../support/databases.js'
import { recordingFailureLog, recordingLogger } from '../support/recorders.js'
import { insert, sharedClient, type Tx } from '../support/watched.js'
import { pathOf, type Program, programs, type Step, survivors, type TaskKind } from './programs.js'

const runs = Number(process.env['PROPERTY_RUNS'] ?? 150)
const seed = Number(process.env['PROPERTY_SEED'] ?? 20_261_122)
const path = process.env['PROPERTY_PATH']
const timeout = Math.max(60_000, runs * 1_000)

const planned = new Error('planned')
const hasFailed = (error: unknown): boolean => error === planned || error instanceof Error

let programsRun = 0

async function run(db: TestDatabase, program: Program): Promise<void> {
  const prefix = `p${++programsRun}-`
  const failureLog = recordingFailureLog()
  const afterCommit = createAfterCommit({
    ...contextOptions(),
    concurrency: program.concurrency,
    maxPending: program.maxPending,
    retry: { retries: 2, minTimeout: 0, randomize: false },
    logger: recordingLogger(),
    failureLog,
  })
  const prisma = afterCommit.watch(sharedClient(db))
  const ran: string[] = []
  const handles: TaskHandle[] = []

  const register = (name: string, kind: TaskKind): void => {
    const handle = afterCommit(name, ({ attempt }) => {
      if (kind === 'again' && attempt === 1) throw new TypeError('once')
      ran.push(name)
      if (kind === 'parent') register(`${name} child`, 'succeeds')
      if (kind === 'fails') throw new AbortError('for good')
    })
    handles.push(handle)
  }

  const walk = async (tx: Tx, steps: readonly Step[], at: string): Promise<void> => {
    for (const [index, step] of steps.entries()) {
      const here = pathOf(at, index)
      if (step.kind === 'throw') throw planned
      if (step.kind === 'both') {
        register(here, step.task)
        await insert(tx, here)
      }
      if (step.kind === 'swallow') {
        await Promise.resolve(insert(tx, `${prefix}taken`)).catch(() => {})
      }
      if (step.kind === 'nested') {
        const nested = tx.$transaction((inner) => walk(inner, step.steps, here))
        await (step.caught ? nested.catch(() => {}) : nested)
      }
    }
  }

  await insert(sharedClient(db), `${prefix}taken`)
  await Promise.all(
    program.transactions.map(async ({ steps, succeedsAt }, index) => {
      for (let attempt = 1; attempt <= succeedsAt; attempt++) {
        const transaction = prisma.$transaction(async (tx) => {
          // Something is always registered, so that PostgreSQL is always asked whether it has aborted.
          const marker = afterCommit(`${prefix}${index} marker`, () => undefined)
          await walk(tx, steps, `${prefix}${index}`)
          marker.cancel()
          if (attempt < succeedsAt) throw planned
        })
        await transaction.catch((error: unknown) => assert.equal(hasFailed(error), true))
      }
    }),
  )
  await afterCommit.idle()

  const must = new Map<string, TaskKind>()
  for (const [index, { steps }] of program.transactions.entries()) {
    const kept = survivors(steps, `${prefix}${index}`, db.provider === 'postgresql')
    for (const [name, kind] of kept ?? []) must.set(name, kind)
  }
  const rows = await db.query<{ email: string }>('SELECT "email" FROM "User" WHERE "email" LIKE ?', `${prefix}%`)
  const stored = rows.map(({ email }) => email).filter((email) => !email.endsWith('taken'))
  assert.deepEqual(stored.toSorted(), [...must.keys()].toSorted(), 'rows')

  const rejected = failureLog.records.filter(({ status }) => status === 'rejected').map(({ task }) => task)
  const all = [...must].flatMap(([name, kind]) =>
    kind === 'parent' && !rejected.includes(name) ? [name, `${name} child`] : [name],
  )
  assert.deepEqual(
    [...ran, ...rejected].toSorted(),
    all.toSorted(),
    'tasks that ran, or have a row because the pool was full',
  )
  const failed = failureLog.records.filter(({ status }) => status === 'failed').map(({ task }) => task)
  const mustFail = [...must].flatMap(([name, kind]) => (kind === 'fails' && !rejected.includes(name) ? [name] : []))
  assert.deepEqual(failed.toSorted(), mustFail.toSorted(), 'rows of tasks that failed')

  const {
    accepted,
    succeeded,
    failed: failures,
    rejected: refused,
    dropped,
    interrupted,
    cancelled,
    pending,
  } = afterCommit.stats()
  assert.equal(accepted, succeeded + failures + refused + dropped + interrupted + cancelled + pending, 'accounts')
  assert.deepEqual(new Set(handles.map(({ state }) => state)).has('registered'), false, 'every handle is settled')
}

describe('Random programs of transactions, savepoints, failures and retries', { timeout }, () => {
  forEachDatabase(
    (db) => {
      test(`${runs} of them: what is stored runs, once, and nothing else`, { timeout }, async () => {
        const property = fc.asyncProperty(programs, (program) => run(db, program))
        await fc.assert(property, { numRuns: runs, seed, ...(path !== undefined && { path }), endOnFailure: false })
      })
    },
    { only: ['sqlite', 'postgresql'] },
  )
})
