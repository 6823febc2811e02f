// Conflicts between two transactions, real ones, on purpose.
import type { PrismaClient } from '../../prisma/client/sqlite/client.js'
import type { TestDatabase } from './databases.js'
import { insert, type Tx } from './watched.js'
import { deferred } from './wait.js'

/** Two rows that the transactions of a test fight for. */
export async function rowsToFightFor(client: PrismaClient): Promise<void> {
  await insert(client, 'seat')
  await insert(client, 'chair')
}

const rename = (tx: Tx, email: string, name: string) => tx.user.update({ where: { email }, data: { name } })

/** Rejects: another transaction has committed what `tx`, which has read it, now writes; on MariaDB, a deadlock of the two. */
export async function conflictAtQuery(db: TestDatabase, rival: PrismaClient, tx: Tx): Promise<void> {
  if (db.name === 'mariadb') return deadlock(rival, tx)
  await tx.user.findMany()
  await db.execute(`UPDATE "User" SET "name" = 'rival' WHERE "email" = 'seat'`)
  await rename(tx, 'seat', 'mine')
}

async function deadlock(rival: PrismaClient, tx: Tx): Promise<void> {
  await rename(tx, 'seat', 'mine')
  const holdsChair = deferred()
  const other = rival.$transaction(async (tx2) => {
    // InnoDB ends the transaction that has changed less.
    for (let change = 1; change <= 10; change++) await rename(tx2, 'chair', `rival ${change}`)
    holdsChair.resolve()
    await rename(tx2, 'seat', 'rival')
  })
  await holdsChair.promise
  try {
    await rename(tx, 'chair', 'mine')
  } finally {
    await other
  }
}

/** PostgreSQL, serializable: each inserts what the other one has read, so the second COMMIT is refused. */
export async function conflictAtCommit(rival: PrismaClient, tx: Tx, name: string): Promise<void> {
  await tx.user.count()
  await rival.$transaction(
    async (tx2) => {
      await tx2.user.count()
      await insert(tx2, name)
    },
    { isolationLevel: 'Serializable' },
  )
}
