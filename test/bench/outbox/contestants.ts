import { once } from '../benchmark.js'
import { afterCommitOutbox } from './after-commit.js'
import { type Contestant } from './job-system.js'

const newest = !process.version.startsWith('v20.')
export const bossName = `pg-boss ${newest ? 12 : 10}`
export const graphileName = `graphile-worker ${newest ? '0.18' : '0.17'}`

const fast = { drained: once ? 200 : 40_000, timed: once ? 10 : 1_000, recovers: false }

const boss =
  (tuned: boolean): Contestant['make'] =>
  async (connections) => {
    const { pgBoss10, pgBoss12 } = await import('./pg-boss.js')
    return await (newest ? pgBoss12 : pgBoss10)(connections, tuned)
  }

const graphile =
  (tuned: boolean): Contestant['make'] =>
  async (connections) => {
    const { graphileWorker } = await import('./graphile-worker.js')
    const module = newest ? await import('graphile-worker') : await import('graphile-worker17')
    return await graphileWorker(module, connections, tuned)
  }

const bull =
  (tuned: boolean): Contestant['make'] =>
  async (...given) => {
    const { bullmq } = await import('./bullmq.js')
    const [connections, lease] = given
    return await bullmq(connections, tuned, lease)
  }

const leased = (lease: number | undefined): { lease?: number } => (lease === undefined ? {} : { lease })

export const ours = 'after-commit'
export const oursWithPool = 'after-commit, pool'

/** With their defaults, and with what their documentation advises. */
export const contestants: Readonly<Record<string, Contestant>> = {
  [ours]: { ...fast, recovers: true, make: (at, lease) => afterCommitOutbox(at, leased(lease)) },
  [oursWithPool]: {
    ...fast,
    recovers: true,
    make: (at, lease) => afterCommitOutbox(at, { ...leased(lease), pool: at.pool, batch: 500 }),
  },
  // One message every two seconds.
  [bossName]: { drained: once ? 1 : 3, timed: once ? 1 : 5, recovers: false, make: boss(false) },
  [`${bossName}, tuned`]: { ...fast, make: boss(true) },
  [graphileName]: { ...fast, drained: once ? 100 : 4_000, make: graphile(false) },
  [`${graphileName}, tuned`]: { ...fast, make: graphile(true) },
  'BullMQ 6': { ...fast, drained: once ? 100 : 4_000, recovers: true, make: bull(false) },
  'BullMQ 6, tuned': { ...fast, recovers: true, make: bull(true) },
}
