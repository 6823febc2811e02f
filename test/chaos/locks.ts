// Who waits for whom, as the database says.
import { setTimeout as delay } from 'node:timers/promises'
import type { Arena } from './arena.js'
import { deferred } from '../support/wait.js'

/** How many connections to this database wait for a lock. */
export async function waitingForLocks({ db, server }: Arena): Promise<number> {
  const sql =
    server.name === 'postgresql'
      ? `SELECT count(*) AS "count" FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
      : `SELECT count(*) AS "count" FROM information_schema.innodb_trx AS t
         JOIN information_schema.processlist AS p ON p.id = t.trx_mysql_thread_id
         WHERE p.db = DATABASE() AND t.trx_state = 'LOCK WAIT'`
  // InnoDB answers from a cache, and makes it anew only when nobody has read it for 100 ms.
  if (server.name !== 'postgresql') await delay(150)
  const [row] = await db.query(sql, [])
  return Number(row?.['count'])
}

/** Keeps what a statement locks until it is released. */
export async function holdLock(arena: Arena, sql: string): Promise<{ release(): Promise<void> }> {
  const client = await arena.client()
  const taken = deferred()
  const released = deferred()
  const holding = client.$transaction(
    async (tx) => {
      await tx.$executeRawUnsafe(sql)
      taken.resolve()
      await released.promise
    },
    { timeout: 120_000 },
  )
  holding.catch((error: unknown) => taken.reject(error))
  await taken.promise
  return {
    async release() {
      released.resolve()
      await holding
    },
  }
}
