import type { Events } from './events.js'
import type { Queues } from './queues.js'
import { type TaskStatus, timeOfDay } from './task.js'

type Counted = 'accepted' | TaskStatus
/** Events that are no end of a task, and not its beginning. */
const uncounted = new Set(['started', 'retrying', 'abandoned', 'failureLogError'])
type OfQueues = 'pending' | 'waiting' | 'running' | 'backingOff' | 'reserved' | 'callerRunning'
type Gauge = OfQueues | 'abandoned' | 'oldestPendingMs' | 'saturation'

/**
 * Counters since construction, and gauges of now. Whenever one looks, accepted = succeeded + failed + rejected + dropped +
 * interrupted + cancelled + stored + pending + callerRunning (a listener of `accepted` sees a task that is not taken in before its
 * end is counted). `oldestPendingMs`: milliseconds since the oldest pending task was accepted.
 * `saturation`: which share of `maxPending` is taken, in the queue where it is highest; 1 is full.
 */
export type Stats = Readonly<Record<Counted | 'retried' | Gauge, number>>

/** One queue now: the instance's own is called `default`, and what runs in threads is in `threads`. */
export interface QueueStats {
  readonly name: string
  readonly concurrency: number
  readonly maxPending: number
  readonly isPaused: boolean
  /** Unfinished: waiting, running and backing off together. */
  readonly pending: number
  readonly waiting: number
  readonly running: number
  readonly backingOff: number
  /** Places kept for tasks of open transactions. */
  readonly reserved: number
}

export function statsOf(events: Events, queues: Queues, abandoned: number): Stats {
  const at = timeOfDay()
  const counted = Object.entries(events.of).filter(([name]) => !uncounted.has(name))
  return {
    ...(Object.fromEntries(counted.map(([name, { emitted }]) => [name, emitted])) as Record<Counted, number>),
    retried: events.of.retrying.emitted,
    pending: queues.sum(({ pending }) => pending),
    waiting: queues.sum(({ waiting }) => waiting.size),
    running: queues.sum(({ running }) => running),
    backingOff: queues.sum(({ backingOff }) => backingOff),
    reserved: queues.sum(({ reserved }) => reserved.size),
    callerRunning: queues.sum(({ callerRunning }) => callerRunning.size),
    abandoned,
    oldestPendingMs: at - Math.min(at, ...queues.all.map(({ pendingSince }) => pendingSince)),
    saturation: Math.max(...queues.all.map((pool) => pool.saturation)),
  }
}
