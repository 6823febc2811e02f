// 20 000 tasks that fail for good, until the last row is in PostgreSQL.
import { randomUUID } from 'node:crypto'
import { PrismaPg } from '@prisma/adapter-pg'
import PQueue from 'p-queue'
import { PrismaClient } from '../../prisma/client/postgresql/client.js'
import { createAfterCommit, prismaFailureLog } from 'after-commit'
import { type Benchmark, collect, once, quantile } from './benchmark.js'
import { nullLogger, ours } from './contestants.js'
import { databaseUrl } from './database.js'
import { latencies, strain, whileAsked } from './endpoint.js'

const failures = once ? 200 : 20_000
const concurrency = 10
const theirs = 'one create each'

/** Registers so many tasks that fail, and resolves when their rows are written. */
type Storm = (count: number) => Promise<void>

const fail = async (): Promise<never> => {
  throw new Error('The partner said no')
}

const storms: Record<string, (prisma: PrismaClient) => Storm> = {
  [ours](prisma) {
    const failureLog = prismaFailureLog(() => prisma)
    const afterCommit = createAfterCommit({
      concurrency,
      maxPending: 1e9,
      retry: false,
      logger: nullLogger(),
      failureLog,
    })
    return async (count) => {
      for (let n = 0; n < count; n++) afterCommit('fail', fail)
      await afterCommit.idle()
    }
  },
  [theirs](prisma) {
    const queue = new PQueue({ concurrency })
    const logger = nullLogger()
    const run = async (registeredAt: Date): Promise<void> => {
      const lastAttemptAt = new Date()
      try {
        await fail()
      } catch (error) {
        logger.error({ err: error }, 'task failed for good')
        const { name, message, stack = null } = error as Error
        await prisma.taskFailure.create({
          data: {
            id: randomUUID(),
            task: 'fail',
            status: 'failed',
            errorName: name,
            errorMessage: message,
            errorStack: stack,
            attempts: 1,
            registeredAt,
            lastAttemptAt,
            recordedAt: new Date(),
          },
        })
      }
    }
    return async (count) => {
      for (let n = 0; n < count; n++) {
        const registeredAt = new Date()
        void queue.add(() => run(registeredAt))
      }
      await queue.onIdle()
    }
  },
}

const time = 'until all rows are there'
const cpu = 'CPU time until then, requests included'
const p99 = "endpoint's p99 meanwhile"
const p99All = "endpoint's p99, registration included"
const hold = 'longest hold of the loop meanwhile'

export const storm: Benchmark = {
  title: `${failures} tasks that fail for good, 500 requests a second to an endpoint of the same process`,
  contestants: [ours, theirs],
  rounds: 5,
  needsDatabase: true,
  comparisons: [
    { measure: time, unit: 'ms', ours, theirs, bar: 0.35 },
    { measure: cpu, unit: 'ms', ours, theirs },
    { measure: p99, unit: 'ms', ours, bar: 50 },
    ...[p99, p99All, hold].map((measure) => ({ measure, unit: 'ms', ours, theirs })),
  ],
  async round(contestant) {
    const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: databaseUrl(), max: concurrency }) })
    const begin = storms[contestant]?.(prisma)
    if (!begin) throw new Error(`There is no ${contestant}`)
    const { start, registered, end, holds, used, samples } = await whileAsked(async () => {
      await begin(failures / 10)
      await prisma.taskFailure.deleteMany()
      await collect()
      const before = process.cpuUsage()
      const seen = await strain(() => begin(failures))
      const { system, user } = process.cpuUsage(before)
      const rows = await prisma.taskFailure.count()
      if (rows !== failures) throw new Error(`Expected ${failures} rows, got ${rows}`)
      await prisma.taskFailure.deleteMany()
      return Object.assign(seen, { used: system + user })
    })
    await prisma.$disconnect()
    return {
      [time]: end - start,
      [cpu]: used / 1e3,
      [hold]: quantile(holds, 1),
      [p99]: quantile(latencies(samples, registered, end), 0.99),
      [p99All]: quantile(latencies(samples, start, end), 0.99),
    }
  },
}
