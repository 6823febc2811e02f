import type { AfterCommit } from '../core/face.js'
import type { Task } from '../core/task.js'
import { internalsOf } from './internals-of.js'
import { acceptTask, runTasks, throwAll } from './run-task.js'
import { standIn } from './stand-in.js'

export interface Inline {
  /** Resolves when the tasks that were registered outside a transaction have run. @throws What they threw. */
  idle(): Promise<void>
  /** Lets tasks run again as usual. @throws What tasks threw that were registered outside a transaction, if nobody has asked. */
  restore(): void
  [Symbol.dispose](): void
}

/**
 * From here on, until `restore()`, the promise of `$transaction` waits for the tasks of its commit: they have run when it
 * resolves, one after the other in the order of registration, and so have those that they registered. Each runs once: no retries,
 * no timeout, no failure row. When all have run it rejects with what a task threw (an AggregateError of several), although the
 * transaction has committed. It works on the application's own instance, for all that uses it.
 *
 * @throws OptionsError for anything that `createAfterCommit` has not made.
 * @example
 * const tasks = inline(afterCommit)
 * await placeOrder(buyer, course)
 * assert.deepEqual(push.sent, [{ userId: 7, text: 'sold' }])
 * tasks.restore()
 */
export function inline(afterCommit: AfterCommit): Inline {
  const internals = internalsOf(afterCommit)
  /** The tasks that are still to run after a task, in the same promise. */
  const restOf = new WeakMap<Task, Task[]>()
  const outside: Task[] = []
  const errors: unknown[] = []
  let running: Promise<void> | undefined

  const runAll = (rest: Task[], thrown: unknown[]): Promise<void> =>
    runTasks(
      () => {
        const task = rest.shift()
        if (task) restOf.set(task, rest)
        return task
      },
      internals,
      thrown,
    )
  const runOutside = async (): Promise<void> => {
    await Promise.resolve() // never inline: whoever registered goes on first
    while (outside.length > 0) {
      await runAll(outside, errors).catch((error: unknown) => {
        errors.push(error)
        for (const task of outside.splice(0)) task.cancel()
      })
    }
    running = undefined
  }
  const runCommitted = async (tasks: readonly Task[]): Promise<void> => {
    const thrown: unknown[] = []
    await runAll([...tasks], thrown)
    throwAll(thrown)
  }

  const remove = standIn(internals, (tasks, callerCanWait) => {
    for (const task of tasks) acceptTask(task, internals)
    if (tasks.length === 0) return undefined
    if (callerCanWait) return runCommitted(tasks)
    const around = internals.context.get() as Task | undefined
    // A task has registered these, so whoever waits for it waits for them.
    const rest = (around && !around.outcome && restOf.get(around)) || outside
    rest.push(...tasks)
    if (rest === outside) running ??= runOutside()
    return undefined
  })

  const restore = (): void => {
    remove()
    throwAll(errors)
  }
  return {
    async idle() {
      await running
      throwAll(errors)
    },
    restore,
    [Symbol.dispose]: restore,
  }
}
