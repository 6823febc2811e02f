// A shop after five busy minutes, for the picture of the dashboard. Its tasks really run; only the clock is set.
import { mock } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { memoryFailureLog } from '../../src/failure-logs/index.js'
import {
  type AfterCommit,
  createAfterCommit,
  defineTask,
  type FailureLog,
  type FailureRecord,
} from '../../src/index.js'
import { createOutbox, createRelay, type PrismaOutbox, type Relay } from '../../src/outbox/index.js'
import { record } from '../failure-logs/record.js'
import type { TestDatabase } from './databases.js'
import { recordingLogger } from './recorders.js'
import { until } from './wait.js'

/** Milliseconds that a task takes, in how many of a hundred runs it fails, and with what. */
const kinds = {
  'give-points': [6, 3],
  'index-course': [14, 1],
  'send-push': [9, 5],
  'send-sms': [18, 28],
  'welcome-mail': [7, 2],
} as const

/** The same numbers each time. */
function* numbers(): Generator<number, never> {
  for (let seed = 7; ;) {
    seed = (seed * 48_271) % 2_147_483_647
    yield seed / 2_147_483_647
  }
}

interface Shop {
  readonly afterCommit: AfterCommit
  readonly failures: FailureLog
  readonly outbox: PrismaOutbox
  readonly relay: Relay
}

export async function busyShop(db: TestDatabase): Promise<Shop> {
  const client = db.newClient()
  const outbox = createOutbox(() => client)
  const failures = memoryFailureLog()
  const closed = defineTask(
    'book-points',
    (_points: object) => Promise.reject(new Error('The ledger of this month is closed')),
    {
      durable: true,
      retry: false,
      key: () => 'user:7',
    },
  )
  const afterCommit = createAfterCommit({
    logger: recordingLogger(),
    failureLog: failures,
    outbox,
    tasks: [closed],
    concurrency: 10,
    maxPending: 500,
    queues: { sms: { concurrency: 4, maxPending: 100 } },
    retry: { retries: 1, minTimeout: 1, randomize: false },
  })
  const prisma = afterCommit.watch(client)
  const relay = createRelay({ afterCommit, pollInterval: 50 })
  await relay.start()
  await prisma.$transaction(async () => {
    afterCommit(closed, { userId: 7, amount: 10 })
    afterCommit(closed, { userId: 7, amount: 25 })
  })
  await until(() => relay.stats().dead > 0)
  await relay.stop()
  return { afterCommit, failures, outbox, relay }
}

/** Runs the tasks of five minutes in some seconds, two seconds of the clock at a time, and leaves some of them unfinished. */
export async function liveThrough(url: string, afterCommit: AfterCommit): Promise<void> {
  const random = numbers()
  const step = 2_000
  const steps = 150
  const end = Date.now()
  mock.timers.enable({ apis: ['Date'], now: end - step * steps })
  try {
    await fetch(`${url}api/state`) // from here on somebody looks
    for (let n = 0; n < steps; n++) {
      const many = 1 + Math.round(3 * (1 + Math.sin(n / 11)) + 2 * random.next().value)
      for (const [name, [ms, share]] of Object.entries(kinds)) {
        const runs = name === 'send-sms' ? Math.ceil(many / 3) : Math.ceil(many * (0.4 + random.next().value))
        for (let run = 0; run < runs; run++) {
          const [took, fails] = [ms * (0.4 + 2 * random.next().value ** 3), random.next().value * 100 < share]
          afterCommit(name, async ({ attempt }) => {
            await delay(took)
            if (fails && (attempt === 1 || took > 3 * ms)) throw new Error('The partner is down')
          })
        }
      }
      await afterCommit.idle()
      mock.timers.tick(step)
      if (n % 5 === 0) await fetch(`${url}api/state`)
    }
  } finally {
    mock.timers.reset()
  }
}

/** Registers what does not end before `stuck` does. @returns How many run. */
export function leaveUnfinished(afterCommit: AfterCommit, stuck: Promise<void>): number {
  const sms = defineTask('send-sms', () => stuck, { queue: 'sms' })
  for (let n = 0; n < 6; n++) afterCommit('give-points', () => stuck)
  for (let n = 0; n < 65; n++) afterCommit(sms)
  return 10
}

const ago = (seconds: number) => new Date(Date.now() - seconds * 1_000)

/** What the failure log has. */
export function pictured(): FailureRecord[] {
  const sms = `TimeoutError: Attempt 4 of \`send-sms\` took longer than 5000 ms
    at Attempt.expire (file:///srv/shop/node_modules/after-commit/dist/core/attempt.js:96:31)
    at Deadlines.#check (file:///srv/shop/node_modules/after-commit/dist/core/deadlines.js:41:14)`
  const rows: [string, number, Partial<FailureRecord>][] = [
    [
      'send-sms',
      42,
      {
        errorName: 'TimeoutError',
        errorMessage: 'Attempt 4 of `send-sms` took longer than 5000 ms',
        errorStack: sms,
        payload: '{"to":"+82 10-•••-••51","template":"login-code"}',
        requestId: '0f2d7a52-5c1e-4f0b-9a55-6b8e0f6f7c11',
      },
    ],
    [
      'give-points',
      68,
      { errorName: 'PartnerError', errorMessage: '503 Service Unavailable', payload: '{"userId":7,"amount":10}' },
    ],
    ['send-push', 190, { status: 'rejected', errorName: null, errorMessage: null, errorStack: null, attempts: 0 }],
    ['index-course', 1_260, { status: 'unknown', errorName: null, errorMessage: null, errorStack: null, attempts: 0 }],
  ]
  return rows.map(([task, seconds, more]) =>
    record({ task, registeredAt: ago(seconds + 21), lastAttemptAt: ago(seconds), recordedAt: ago(seconds), ...more }),
  )
}
