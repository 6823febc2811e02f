export const counters = {
  claimed: 0,
  suspects: 0,
  succeeded: 0,
  retried: 0,
  dead: 0,
  released: 0,
  interrupted: 0,
  stale: 0,
  errors: 0,
}

/**
 * Counters since construction: `claimed`, of which `suspects`; what was written, `succeeded`, `retried`, `dead`, `released`;
 * `interrupted`: handlers that still ran when `stop()` ran out of time, whose messages are released too; `stale`: results that were
 * dropped because somebody else had claimed the message since; `errors` of the database. Gauges: `waiting` and `running` messages
 * that are claimed, `unwritten` results, and handlers that ignore their signal, `abandoned`.
 */
export type RelayStats = Readonly<typeof counters & Record<'waiting' | 'running' | 'unwritten' | 'abandoned', number>>
