import type { Events } from '../core/events.js'
import { maxAttemptsOf } from './judgement.js'
import type { Outcome } from './outcomes.js'
import type { RelayStats } from './relay-stats.js'

/** Tells the listeners what is in the table now. @returns The counter that it belongs to. */
export function report(
  { delivery, verdict, error }: Outcome,
  { events, maxAttempts }: { readonly events: Events; readonly maxAttempts: number },
): Extract<keyof RelayStats, 'succeeded' | 'retried' | 'dead' | 'released'> {
  const { task, attempts } = delivery
  if (!verdict) {
    task.settle({ status: 'succeeded', attempts })
    events.of.succeeded.emitTask(task)
    return 'succeeded'
  }
  if (verdict.newStatus === 'dead') {
    task.settle({ status: 'failed', attempts, error })
    events.of.failed.emitTask(task, { error })
    return 'dead'
  }
  task.emitDestroy()
  if (verdict.failed === 0) return 'released'
  events.of.retrying.emitTask(task, { error, retriesLeft: maxAttemptsOf(delivery, maxAttempts) - attempts })
  return 'retried'
}
