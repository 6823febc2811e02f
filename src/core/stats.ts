import type { AfterCommitEventName, Events } from './events.js'
import type { Queues } from './queues.js'
import type { TaskStatus } from './task.js'

type Counter = Extract<TaskStatus, AfterCommitEventName> | 'accepted' | 'retried'
type Gauge =
  'pending' | 'waiting' | 'running' | 'backingOff' | 'reserved' | 'callerRunning' | 'abandoned' | 'oldestPendingMs'

/**
 * Counters since construction, and gauges of now. Whenever one looks, accepted = succeeded + failed + rejected + dropped +
 * interrupted + cancelled + pending + callerRunning. `oldestPendingMs`: milliseconds since the oldest pending task was accepted.
 */
export type Stats = Readonly<Record<Counter | Gauge, number>>

export function statsOf(events: Events, queues: Queues, abandoned: number): Stats {
  const { retrying, started: _, abandoned: __, failureLogError: ___, ...counters } = events.counts
  const { oldest } = queues
  return {
    ...counters,
    retried: retrying,
    pending: queues.sum(({ pending }) => pending.size),
    waiting: queues.sum(({ gauges }) => gauges.waiting),
    running: queues.sum(({ gauges }) => gauges.running),
    backingOff: queues.sum(({ gauges }) => gauges['backing-off']),
    reserved: queues.sum(({ reserved }) => reserved),
    callerRunning: queues.sum(({ callerRunning }) => callerRunning.size),
    abandoned,
    oldestPendingMs: oldest ? Date.now() - oldest.acceptedAt : 0,
  }
}
