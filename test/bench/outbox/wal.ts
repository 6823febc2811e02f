import { type Figures, once } from '../benchmark.js'
import { type Connections, type JobSystem, transactRaw } from './job-system.js'
import { lost, until } from './until.js'

export const wal = 'WAL a message'

const count = once ? 20 : 2_000

/** Bytes from a message's transaction to the end of its handling; what the transaction writes without one is taken off. */
export async function walBytes(system: JobSystem, { pool }: Connections): Promise<Figures> {
  const position = async (): Promise<number> => {
    const { rows } = await pool.query<{ at: string }>(`SELECT pg_current_wal_insert_lsn() - '0/0' AS at`)
    return Number(rows[0]?.at)
  }
  const begin = await position()
  for (let n = 0; n < count; n++) await transactRaw(pool, n)
  const bare = await position()
  for (let n = count; n < 2 * count; n++) await system.transactRaw(n)
  const handled = new Set<number>()
  await system.work((n) => void handled.add(n))
  if (!(await until(async () => handled.size === count && (await system.left()) === 0))) lost('Not all were handled')
  return { [wal]: ((await position()) - bare - (bare - begin)) / count }
}
