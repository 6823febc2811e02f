/**
 * The one file that configures the library. Use cases import `prisma` and `afterCommit` from here, and that is all they
 * know of it.
 */
import { createAfterCommit, prismaFailureLog } from '../index.js'
import { createOutbox, createRelay } from '../outbox/index.js'
import { openDatabase } from './database.js'
import { logger } from './logger.js'
import { requests } from './request-context.js'
import { callInside } from './rung-zero.js'
import { settings } from './settings.js'
import { givePoints } from './tasks/give-points.js'
import { sendPush } from './tasks/send-push.js'
import { sendSms } from './tasks/send-sms.js'
import { traced } from './trace.js'

const database = await openDatabase(settings.databaseUrl)

/** What the durable tasks are stored in. */
export const outbox = createOutbox(() => database)

const pool = createAfterCommit({
  concurrency: 10,
  maxPending: settings.maxPending,
  retry: { retries: 3, minTimeout: 100, maxTimeout: 5_000 },
  timeout: 5_000,
  failureLog: prismaFailureLog(() => database),
  outbox,
  logger,
  requestId: requests.currentRequestId,
  tasks: [givePoints, sendPush, sendSms],
})

/**
 * Registers what must happen after the transaction, and only if it commits; and a client whose transactions are known
 * to it.
 */
export const { afterCommit, prisma } =
  settings.partners === 'inside'
    ? callInside(pool, traced(database))
    : { afterCommit: pool, prisma: traced(pool.watch(database)) }

/**
 * Handles what the durable tasks have left in the outbox: started by the server, where there are any. Lease and attempts
 * are small, so that one can watch them: a lease of half a minute and ten attempts suit a real shop better.
 */
export const relay = createRelay({
  afterCommit: pool,
  concurrency: 5,
  lease: 3_000,
  pollInterval: 250,
  maxAttempts: 5,
  retry: { minTimeout: 500 },
  timeout: 5_000,
})
