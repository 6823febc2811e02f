import type { FailureLog, FailureRecord, FailureStatus } from '../core/failure-log.js'
import { type RawClient, RawInsert } from './raw-insert.js'

/** The part of a generated model that the log calls. */
interface FailureTable {
  createMany(args: { data: FailureRecord[] }): PromiseLike<unknown>
  upsert(args: { where: { id: string }; create: FailureRecord; update: object }): PromiseLike<unknown>
  findFirst(args: { select: { id: true } }): PromiseLike<unknown>
  findUnique(args: { where: { id: string } }): PromiseLike<FailureRecord | null>
  findMany(args: {
    where: object
    select?: { id: true }
    orderBy?: object[]
    take: number
  }): PromiseLike<FailureRecord[]>
  updateMany(args: { where: object; data: { status: FailureStatus } }): PromiseLike<{ count: number }>
  deleteMany(args: { where: object }): PromiseLike<{ count: number }>
}

/** The model to paste into `schema.prisma`. On MySQL and MariaDB give `payload`, `errorMessage` and `errorStack` `@db.LongText`. */
export const taskFailureModel = `model TaskFailure {
  id            String    @id
  task          String
  payload       String?
  status        String
  errorName     String?
  errorMessage  String?
  errorStack    String?
  attempts      Int
  requestId     String?
  retryOf       String?
  registeredAt  DateTime
  lastAttemptAt DateTime?
  recordedAt    DateTime

  @@index([status, recordedAt, id])
}`

/**
 * Keeps failures in the table of the Prisma model `TaskFailure`. Rows are inserted by raw statements where these are known to do
 * the same as `createMany`, so a query extension for that model sees only some of them.
 *
 * @param client Answers the client to write through, watched or not; called late, since the client is made from this log's owner.
 */
export function prismaFailureLog(client: () => object): FailureLog {
  const ask = async <T>(query: (table: FailureTable) => PromiseLike<T>): Promise<T> => {
    const table = (client() as { taskFailure?: FailureTable }).taskFailure
    if (!table) throw new Error(`The Prisma client has no model TaskFailure. ${advice}`)
    try {
      return await query(table)
    } catch (error) {
      throw explained(error)
    }
  }
  const raw = new RawInsert()
  /** Answers whether none of them was stored already. */
  const store = async (data: FailureRecord[]): Promise<boolean> => {
    try {
      await ask((table) => table.createMany({ data }))
      return true
    } catch (error) {
      if ((error as { code?: unknown } | null)?.code !== 'P2002') throw error
      for (const create of data) {
        await ask((table) => table.upsert({ where: { id: create.id }, create, update: {} }))
      }
      return false
    }
  }
  return {
    async check() {
      await ask((table) => table.findFirst({ select: { id: true } }))
    },
    async write([...left]) {
      while (left.length > 0) {
        const batch = left.splice(0, raw.learning ? 1 : 100)
        if (await raw.insert(client() as RawClient, batch)) continue
        let fresh = true
        for (const data of chunks(batch)) fresh = (await store(data)) && fresh
        if (fresh && batch[0]) await raw.learn(client() as RawClient, batch[0])
      }
    },
    list({ status, task, since, until, order, limit, after }) {
      const [direction, beyond] = order === 'newest' ? ['desc', 'lt'] : ['asc', 'gt']
      const conditions = [
        status && { status: { in: status } },
        task !== undefined && { task },
        since && { recordedAt: { gte: since } },
        until && { recordedAt: { lt: until } },
        after && { recordedAt: { [`${beyond}e`]: after.recordedAt } }, // says nothing new, but an index can use it
        after && { OR: [{ recordedAt: { [beyond]: after.recordedAt } }, { id: { [beyond]: after.id } }] },
      ]
      const where = { AND: conditions.filter(Boolean) }
      return ask((table) =>
        table.findMany({ where, orderBy: [{ recordedAt: direction }, { id: direction }], take: limit }),
      )
    },
    async get(id) {
      const row = await ask((table) => table.findUnique({ where: { id } }))
      return row?.id === id ? row : undefined // MariaDB takes A for a
    },
    async transition(id, from, status) {
      const where = { id, status: { in: from } }
      return (await ask((table) => table.updateMany({ where, data: { status } }))).count === 1
    },
    async purge({ before, status, limit }) {
      const where = { recordedAt: { lt: before }, status: { in: status } }
      // By their ids: a DELETE by conditions locks so much on MariaDB that writes beside it end in deadlocks.
      const found = await ask((table) => table.findMany({ where, select: { id: true }, take: limit }))
      const id = { in: found.map((row) => row.id) }
      return (await ask((table) => table.deleteMany({ where: { id, status: { in: status } } }))).count
    },
  }
}

const advice = `Add this to schema.prisma and run \`prisma migrate dev\`:\n\n${taskFailureModel}\n`

function explained(error: unknown): unknown {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  // The libsql adapter has no code of its own for a missing table.
  const missing = code === 'P2021' || /no such table/.test(String(message))
  return missing ? new Error(`The table of the failure log does not exist. ${advice}`, { cause: error }) : error
}

/** A createMany of another number of rows is another query plan, and compiling one holds the event loop: so only a few numbers. */
function chunks(records: readonly FailureRecord[]): FailureRecord[][] {
  const size = [100, 50, 20, 10, 5, 2, 1].find((each) => each <= records.length)
  return size === undefined ? [] : [records.slice(0, size), ...chunks(records.slice(size))]
}
