// What is compared: a message that is stored with a row of the application, and handled after the commit.
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { type Prisma, PrismaClient } from '../../../prisma/client/postgresql/client.js'

export const parallel = 10

export interface Payload {
  readonly n: number
  readonly userId: number
  readonly amount: number
}

export const payloadOf = (n: number): Payload => ({ n, userId: n % 100, amount: 10 })

export interface JobSystem {
  /** Stores the messages from `first` on, many with one statement. */
  fill(first: number, count: number): Promise<void>
  /** A transaction of Prisma that writes a row and stores a message, or stores it right after where there is no other way. */
  transact(n: number): Promise<void>
  /** The same through `pg`. */
  transactRaw(n: number): Promise<void>
  /** Handles messages from now on. */
  work(handle: (n: number) => unknown): Promise<void>
  /** How many are stored and not done. */
  left(): Promise<number>
  close(): Promise<void>
}

export interface Connections {
  readonly url: string
  readonly prisma: PrismaClient
  readonly pool: pg.Pool
  readonly close: () => Promise<void>
}

export interface Contestant {
  /** How many messages are drained, and how many are timed one by one: fewer where the settings make them slow. */
  readonly drained: number
  readonly timed: number
  /** Whether the time after which a dead worker's messages are taken over can be set. */
  readonly recovers: boolean
  /** @param lease Milliseconds. */
  readonly make: (connections: Connections, lease?: number) => Promise<JobSystem>
}

export function connect(url: string): Connections {
  const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: url, max: parallel }) })
  const pool = new pg.Pool({ connectionString: url, max: parallel })
  return {
    url,
    prisma,
    pool,
    async close() {
      await prisma.$disconnect()
      await pool.end()
    },
  }
}

type Tx = Prisma.TransactionClient

export async function transact(client: PrismaClient, n: number, more?: (tx: Tx) => unknown): Promise<void> {
  await client.$transaction(async (tx) => {
    await tx.user.create({ data: { email: `${n}@example.com`, name: 'Ada' }, select: { id: true } })
    await more?.(tx)
  })
}

export async function transactRaw(pool: pg.Pool, n: number, more?: (client: pg.PoolClient) => unknown): Promise<void> {
  const client = await pool.connect()
  await client.query('BEGIN')
  await client.query('INSERT INTO "User" ("email", "name") VALUES ($1, $2) RETURNING "id"', [`${n}@example.com`, 'Ada'])
  await more?.(client)
  await client.query('COMMIT')
  client.release()
}

export async function countOf(pool: pg.Pool, from: string): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${from}`)
  return rows[0]?.count ?? NaN
}

/** The numbers from `first` on, in portions. */
export function* portions(first: number, count: number, size = 1_000): Generator<readonly number[]> {
  for (let at = first; at < first + count; at += size) {
    yield Array.from({ length: Math.min(size, first + count - at) }, (_, index) => at + index)
  }
}
