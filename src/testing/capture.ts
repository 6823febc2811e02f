import type { AfterCommit } from '../core/face.js'
import { OptionsError } from '../core/errors.js'
import type { Task } from '../core/task.js'
import { internalsOf } from './internals-of.js'
import { acceptTask, runTasks, throwAll } from './run-task.js'
import { standIn } from './stand-in.js'

/** A task that would run now. */
export interface CapturedTask {
  readonly id: string
  readonly name: string
  /** What the task would receive: a copy, made by JSON. A closure has none. */
  readonly payload: unknown
}

export interface Captured {
  /** What was due and has been neither run nor cleared, in the order in which it would have started. */
  readonly tasks: readonly CapturedTask[]
  /**
   * Runs what was captured, or what has this name, in order and one after the other, and what these tasks register too, until
   * there is none left. Each runs once: no retries, no timeout, no failure row.
   *
   * @throws What a task threw, once all have run; an AggregateError of several. OptionsError if no task has the name.
   */
  run(name?: string): Promise<void>
  /** Forgets what was captured; its handles settle as `cancelled`. */
  clear(): void
  /** Clears, and lets tasks run again as usual. */
  restore(): void
  [Symbol.dispose](): void
}

/**
 * From here on, until `restore()`, tasks are collected when they are due, and nothing runs by itself. Those of a transaction that
 * rolls back are never due. It works on the application's own instance, for all that uses it: not for tests that run at the same
 * time in one process.
 *
 * @throws OptionsError for anything that `createAfterCommit` has not made.
 * @example
 * const captured = capture(afterCommit)
 * await placeOrder(buyer, course)
 * assert.deepEqual(captured.tasks.map(({ name, payload }) => ({ name, payload })), [{ name: 'send-push', payload: { userId: 7 } }])
 * await captured.run()
 * captured.restore()
 */
export function capture(afterCommit: AfterCommit): Captured {
  const internals = internalsOf(afterCommit)
  const due: Task[] = []
  const waiting = (): Task[] => due.filter((task) => !task.outcome) // the others have been cancelled by their owner
  const take = (name: string | undefined): Task | undefined => {
    const task = waiting().find((each) => name === undefined || each.name === name)
    if (!task) return undefined
    due.splice(due.indexOf(task), 1)
    acceptTask(task, internals)
    return task
  }
  const clear = (): void => {
    for (const task of due.splice(0)) task.cancel()
  }
  const remove = standIn(internals, (tasks) => {
    due.push(...tasks)
    return undefined
  })
  const restore = (): void => {
    remove()
    clear()
  }
  return {
    get tasks() {
      return waiting().map(({ id, name, source: { payload } }) => ({
        id,
        name,
        payload: payload ? (JSON.parse(payload) as unknown) : undefined,
      }))
    },
    async run(name) {
      const names = waiting().map((task) => task.name)
      if (name !== undefined && !names.includes(name)) {
        throw new OptionsError(
          `No task \`${name}\` was captured: ${names.length > 0 ? names.join(', ') : 'none at all'}`,
        )
      }
      const errors: unknown[] = []
      await runTasks(() => take(name), internals, errors)
      throwAll(errors)
    },
    clear,
    restore,
    [Symbol.dispose]: restore,
  }
}
