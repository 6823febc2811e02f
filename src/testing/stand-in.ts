import { OptionsError } from '../core/errors.js'
import type { Internals } from '../core/internals.js'
import type { Task } from '../core/task.js'

/**
 * Gives the tasks that are due to `accept` in place of the pool, until the function returned is called. Stand-ins may be put in
 * front of one another; they are taken away in the reverse order.
 */
export function standIn(
  { registry }: Internals,
  accept: (tasks: readonly Task[], callerCanWait: boolean) => Promise<void> | undefined,
): () => void {
  const before = registry.accept
  const { inMemory } = registry.durable
  const own: typeof before = (tasks, callerCanWait) => {
    for (const task of tasks) task.pool.release(task)
    const cancelled = tasks.filter((task) => task.outcome)
    void before(cancelled, false) // they count as accepted and cancelled, and nothing of them runs
    return accept(
      tasks.filter((task) => !task.outcome),
      callerCanWait,
    )
  }
  registry.accept = own
  registry.durable.inMemory = true
  let restored = false
  return () => {
    if (restored) return
    if (registry.accept !== own) throw new OptionsError('Restore what was put in place later first')
    registry.accept = before
    registry.durable.inMemory = inMemory
    restored = true
  }
}
