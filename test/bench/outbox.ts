// The outbox beside job runners on the same database, and BullMQ on Redis. Of the transaction alone only its share counts, since
// slices of both take turns in one process.
import { type Benchmark, type Comparison, type Figures, once } from './benchmark.js'
import { databaseUrl, freshSchema } from './database.js'
import { beside, claim, claimed, claimedKeys } from './outbox/claim.js'
import { redisUnavailable } from './outbox/redis.js'
import { bossName, contestants, graphileName, ours, oursWithPool } from './outbox/contestants.js'
import { cpu, drain, rate } from './outbox/drain.js'
import { bareRate, bareRawRate, enqueue, kept, keptRaw } from './outbox/enqueue.js'
import { connect, type Connections, type Contestant } from './outbox/job-system.js'
import { latency, p50, p99 } from './outbox/latency.js'
import { beyond, lease, recovered, recovery, victim } from './outbox/recovery.js'
import { LostError } from './outbox/until.js'
import { wal, walBytes } from './outbox/wal.js'

const graphile = `${graphileName}, tuned`
const boss = `${bossName}, tuned`
const ms = 'ms'

const against = (measure: string, unit: string, bar?: number, least?: number): Comparison[] =>
  [boss, graphile].map((theirs) => ({ measure, unit, ours: oursWithPool, theirs, bar, least }))

type Part = (connections: Connections, contestant: Contestant, name: string) => Promise<Figures>

const parts: Readonly<Record<string, Part>> = {
  drain: (at, { make, drained }) => using(make(at), (system) => drain(system, drained)),
  latency: (at, { make, timed }) => using(make(at), (system) => latency(system, timed)),
  // Not for the one that would take an hour, nor for Redis.
  wal: async (at, { make, drained }, name) =>
    drained < 100 || name.startsWith('BullMQ') ? {} : await using(make(at), (system) => walBytes(system, at)),
  enqueue: (at, { make }) => using(make(at), (system) => enqueue(system, at, once ? 2 : 10)),
  recovery: async (at, { make, recovers }, name) =>
    recovers ? await using(make(at, lease), (system) => recovery(system, name)) : {},
  claim: async (at, _, name) => (name === oursWithPool ? await claim(at) : {}),
}

export const outbox: Benchmark = {
  title: 'Stored by a transaction of one row on PostgreSQL, handled by one worker in the same process',
  contestants: Object.keys(contestants),
  parts: Object.keys(parts),
  rounds: 5,
  needsDatabase: true,
  unavailable: async (contestant) => (contestant.startsWith('BullMQ') ? await redisUnavailable() : undefined),
  overview: [
    { measure: rate, unit: '' },
    { measure: p50, unit: ms },
    { measure: p99, unit: ms },
    { measure: cpu, unit: ms },
    { measure: wal, unit: 'bytes' },
    { measure: kept, unit: '' },
    { measure: keptRaw, unit: '' },
    { measure: recovered, unit: ms },
    { measure: bareRate, unit: '' },
    { measure: bareRawRate, unit: '' },
  ],
  comparisons: [
    ...against(rate, 'a second', undefined, 1),
    ...against(p50, ms, 1),
    ...against(p99, ms, 1),
    ...against(wal, 'bytes', 1),
    ...against(cpu, ms),
    { measure: kept, unit: '', ours, least: 0.6 },
    { measure: kept, unit: '', ours: oursWithPool, least: 0.6 },
    { measure: beyond, unit: ms, ours, bar: 1_000 },
    { measure: beyond, unit: ms, ours: oursWithPool, bar: 1_000 },
    ...[claimed, claimed + beside, claimedKeys, claimedKeys + beside].map((measure) => ({
      measure,
      unit: ms,
      ours: oursWithPool,
    })),
  ],
  async round(name, part) {
    const contestant = contestants[name]
    if (!contestant) throw new Error(`There is no ${name}`)
    const connections = connect(databaseUrl())
    if (part === 'victim') return await victim(await contestant.make(connections, lease))
    // Before the tables are made: what is changed after a checkpoint is written as a whole page once, which is no message's WAL.
    await connections.pool.query('CHECKPOINT')
    await freshSchema(connections.pool)
    try {
      return (await parts[part]?.(connections, contestant, name)) ?? {}
    } catch (error) {
      if (once || !(error instanceof LostError)) throw error
      console.error(`${name}, ${part}: void, ${error.message}`)
      return {}
    } finally {
      await connections.close()
    }
  },
}

async function using<S extends { close(): Promise<void> }, R>(
  made: Promise<S>,
  use: (system: S) => Promise<R>,
): Promise<R> {
  const system = await made
  try {
    return await use(system)
  } finally {
    await system.close()
  }
}
