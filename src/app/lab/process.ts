/**
 * A process of the shop without its HTTP: commits its logins, each with a task for the points service, and prints a
 * line. What happens to it then is up to the limit that has started it. Its settings are JSON in the variable LAB.
 */
import { createAfterCommit, prismaFailureLog } from '../../index.js'
import { createOutbox, createRelay } from '../../outbox/index.js'
import { connect } from '../database.js'
import { logIn, requestIds, tellPoints } from './logins.js'
import { quietLogger } from './quiet-logger.js'

/** What such a process is told. */
export interface ProcessSettings {
  readonly databaseUrl: string
  readonly userId: number
  readonly partnerUrl: string
  /** Tasks are rows of the outbox, and a relay handles them. */
  readonly durable: boolean
  /** Of the relay, in milliseconds. */
  readonly lease?: number
  readonly logins?: number
  /** SIGTERM begins `close({ grace })`. By default it does what it does to every process: ends it. */
  readonly grace?: number
}

const settings = JSON.parse(process.env['LAB'] ?? '') as ProcessSettings
const { databaseUrl, userId, partnerUrl, durable, logins = 0, lease = 30_000, grace } = settings

const client = connect(databaseUrl)
// Tries so often that a partner who comes back gets everything soon.
const retry = { retries: 10_000, minTimeout: 100, factor: 1 }
const givePoints = tellPoints(partnerUrl, { durable, retry })
const afterCommit = createAfterCommit({
  failureLog: prismaFailureLog(() => client),
  outbox: createOutbox(() => client),
  logger: quietLogger,
  tasks: [givePoints],
})
const prisma = afterCommit.watch(client)
const relay = createRelay({ afterCommit, lease, pollInterval: 100, concurrency: 5, batch: 5 })

if (grace !== undefined) process.once('SIGTERM', () => void shutDown(grace))
if (durable) await relay.start()
for (const requestId of requestIds(logins)) {
  await logIn(prisma, { userId, requestId }, (login) => afterCommit(givePoints, login))
}
console.log(`${afterCommit.stats().pending} pending in memory`)

async function shutDown(milliseconds: number): Promise<void> {
  await afterCommit.close({ grace: milliseconds })
  await client.$disconnect()
  process.exit(0)
}
