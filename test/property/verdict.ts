// Compares what a program has left behind with what the model says.
import assert from 'node:assert/strict'
import { ClosedError, type FailureRecord } from '../../src/index.js'
import type { TestDatabase } from '../support/databases.js'
import type { Execution } from './execution.js'
import { type Observation, outcomes, type Registration, sumOf } from './observation.js'
import { behaviours, outcomeOf, type Survivors } from './programs.js'

export async function judge(db: TestDatabase, prefix: string, execution: Execution): Promise<void> {
  const { seen, failureLog, afterCommit } = execution
  assert.deepEqual(seen.violations.slice(0, 3), [], 'what must never be seen while it runs')
  const survivors = judgeTransactions(seen, db.provider === 'postgresql')

  const rows = await db.query<{ email: string }>('SELECT "email" FROM "User" WHERE "email" LIKE ?', `${prefix}%`)
  const stored = rows.map(({ email }) => email).filter((email) => !email.endsWith('taken'))
  const withRow = [...survivors].flatMap(([name, kind]) => (kind === 'both' ? [name] : []))
  assert.deepEqual(stored.toSorted(), withRow.toSorted(), 'rows')

  for (const name of survivors.keys()) assert.equal(seen.registrations.has(name), true, `${name} is registered`)
  let due = 0
  for (const registration of seen.registrations.values()) {
    const isDue = registration.origin === 'task' || survivors.has(registration.name)
    if (isDue) due++
    const { status, attempts } = await judgeTask(registration, isDue, seen)
    judgeRecords(registration, status, attempts, failureLog.records)
  }
  const recorded = failureLog.records.length
  const { failed = 0, rejected = 0, interrupted = 0 } = seen.counts
  assert.equal(recorded, failed + rejected + interrupted, 'failure rows')
  judgeStats(execution, due)

  if (!seen.closing) return
  assert.throws(() => afterCommit(`${prefix}outside`, () => undefined), ClosedError, 'a registration after close()')
  assert.equal(afterCommit.close({ grace: 1 }), seen.closing, 'the second close()')
}

/** What all transactions together must have left behind. */
function judgeTransactions({ attempts, refused }: Observation, aborts: boolean): Survivors {
  const all: Survivors = new Map()
  for (const { plan, number, name, committed, rollbacks, callbackEnded } of attempts) {
    const survivors = outcomeOf(plan, number, name, { refused, aborts })
    assert.equal(committed, survivors !== undefined, `whether ${name} commits`)
    assert.equal(callbackEnded, true, `the callback of ${name} ran to its end`)
    assert.equal(rollbacks, committed ? 0 : 1, `calls of onRollback in ${name}`)
    for (const [task, kind] of survivors ?? []) all.set(task, kind)
  }
  return all
}

/** One outcome, at the right end of the right events. */
async function judgeTask(registration: Registration, isDue: boolean, { closing }: Observation) {
  const { name, plan, handle, events, completions, cancelled } = registration
  assert.ok(handle && outcomes.includes(handle.state), `${name} has its outcome, and not the state ${handle?.state}`)
  const outcome = await handle.settled
  const { status, attempts } = outcome
  assert.equal(status, handle.state, `${name}: outcome and state`)
  const started = events.filter((event) => event === 'started').length
  assert.equal(attempts, started, `${name}: attempts`)

  const ends = events.filter((event) => outcomes.includes(event))
  assert.deepEqual(ends, cancelled && !isDue ? [] : [status], `${name}: events of its end`)
  assert.equal(events.at(-1), ends[0], `${name}: its last event`)
  assert.equal(events.filter((event) => event === 'accepted').length, isDue ? 1 : 0, `${name}: events \`accepted\``)
  if (isDue) assert.equal(events[0], 'accepted', `${name}: its first event`)

  const end = behaviours[plan.behaviour]
  if (cancelled) assert.equal(status, 'cancelled', `${name}: what was cancelled`)
  else if (!isDue) assert.equal(status, 'discarded', `${name}: what did not survive`)
  else if (status === 'interrupted') assert.ok(closing, `${name} was interrupted by close()`)
  else if (status !== 'rejected' && status !== 'dropped') {
    assert.deepEqual({ status, attempts }, { ...end }, `${name}: how it ended`)
  }
  if (status === 'succeeded') assert.equal(completions, 1, `${name}: completions`)
  // An attempt that is interrupted may have done its work.
  else assert.ok(completions <= (status === 'interrupted' ? 1 : 0), `${name}: completions of what is ${status}`)
  if (status === 'rejected' || status === 'cancelled') assert.equal(attempts, 0, `${name}: attempts`)
  return outcome
}

/** Exactly one row for what somebody has to look at, and none for anything else. */
function judgeRecords({ name }: Registration, status: string, attempts: number, records: readonly FailureRecord[]) {
  const rows = records.filter(({ task }) => task === name).map((row) => `${row.status} ${row.attempts}`)
  const isRecorded = status === 'failed' || status === 'rejected' || status === 'interrupted'
  assert.deepEqual(rows, isRecorded ? [`${status} ${attempts}`] : [], `${name}: its failure rows`)
}

function judgeStats({ seen: { counts, report }, afterCommit }: Execution, due: number): void {
  const stats = afterCommit.stats()
  for (const gauge of ['pending', 'waiting', 'running', 'backingOff', 'reserved', 'callerRunning'] as const) {
    assert.equal(stats[gauge], 0, `${gauge} at the end`)
    // A transaction that is still open keeps what it has reserved.
    if (gauge !== 'reserved') assert.equal(report?.[gauge] ?? 0, 0, `${gauge} in the report of close()`)
  }
  assert.equal(stats.accepted, due, 'accepted tasks')
  assert.equal(stats.accepted, sumOf(stats), 'accounts at the end')
  if (report) assert.equal(report.accepted, sumOf(report), 'accounts in the report of close()')
  for (const status of ['succeeded', 'failed', 'rejected', 'dropped', 'interrupted', 'cancelled'] as const) {
    assert.equal(stats[status], counts[status] ?? 0, `counter ${status}`)
  }
}
