/**
 * The one file that configures the library. Use cases import `prisma` and `afterCommit` from here, and that is all they
 * know of it.
 */
import { createAfterCommit, prismaFailureLog } from '../index.js'
import { openDatabase } from './database.js'
import { logger } from './logger.js'
import { requests } from './request-context.js'
import { callInside } from './rung-zero.js'
import { settings } from './settings.js'
import { givePoints } from './tasks/give-points.js'
import { sendPush } from './tasks/send-push.js'
import { sendSms } from './tasks/send-sms.js'

const database = await openDatabase(settings.databaseUrl)

const pool = createAfterCommit({
  concurrency: 10,
  maxPending: settings.maxPending,
  retry: { retries: 3, minTimeout: 100, maxTimeout: 5_000 },
  timeout: 5_000,
  failureLog: prismaFailureLog(() => database),
  logger,
  requestId: requests.currentRequestId,
  tasks: [givePoints, sendPush, sendSms],
})

/**
 * Registers what must happen after the transaction, and only if it commits; and a client whose transactions are known
 * to it.
 */
export const { afterCommit, prisma } =
  settings.partners === 'after' ? { afterCommit: pool, prisma: pool.watch(database) } : callInside(pool, database)
