import { Attempt, type Failure } from '../core/attempt.js'
import { Deadlines } from '../core/deadlines.js'
import type { Internals } from '../core/internals.js'
import { isAbortError } from '../core/retry.js'
import type { Task, TaskOutcome } from '../core/task.js'

/** What makes sure that tasks which register themselves come to an end: without a timer, a runner's time limit cannot. */
const limit = 10_000

/** Takes a task over as a pool would: from here on it counts as accepted, and `idle()` waits for it. */
export function acceptTask(task: Task, { events }: Internals): void {
  task.pool.callerRunning.add(task)
  task.state = 'waiting'
  events.of.accepted.emitTask(task)
}

/**
 * Runs accepted tasks one after the other until `next` has no more, in their own contexts and with their events, but each once,
 * without a timer and without a failure row. What they throw goes to `errors`.
 */
export async function runTasks(next: () => Task | undefined, internals: Internals, errors: unknown[]): Promise<void> {
  let count = 0
  for (let task = next(); task; task = next()) {
    if (count++ === limit) {
      throw new Error(`${limit} tasks have run and there are more: does \`${task.name}\` register itself?`)
    }
    if (!task.outcome) await runTask(task, internals, errors)
  }
}

async function runTask(task: Task, internals: Internals, errors: unknown[]): Promise<void> {
  const { events, logger } = internals
  task.state = 'running'
  await task.inContext(async () => {
    const failure = await new Promise<Failure | undefined>((resolve) => {
      const settings = {
        events,
        logger,
        deadlines: new Deadlines(task),
        abortGrace: 0,
        abandoned: new Set<object>(),
        onEnd: (_: Task, failed: Failure | undefined) => resolve(failed),
      }
      new Attempt(task, Infinity, settings, performance.now()).start()
    })
    if (task.outcome) return // interrupted by close()
    task.pool.callerRunning.delete(task)
    const outcome: TaskOutcome = { status: 'succeeded', attempts: task.attempts }
    if (!failure) return end(task, outcome, internals)
    const error = isAbortError(failure.error) ? failure.error.originalError : failure.error
    errors.push(error)
    end(task, { ...outcome, status: 'failed', error }, internals)
  })
}

function end(task: Task, outcome: TaskOutcome, internals: Internals): void {
  task.settle(outcome)
  internals.events.of[outcome.status].emitTask(task, 'error' in outcome ? { error: outcome.error } : {})
  internals.quiet()
}

/** Throws one error as it is, several as an AggregateError, and forgets them. */
export function throwAll(errors: unknown[]): void {
  const all = errors.splice(0)
  if (all.length === 1) throw all[0]
  if (all.length > 1) throw new AggregateError(all, `${all.length} tasks failed`)
}
