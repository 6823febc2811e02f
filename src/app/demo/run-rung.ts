import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Cleanup } from './cleanup.js'
import { startChild } from './child.js'
import { createDemoDatabase } from './demo-database.js'
import { type Answer, drive } from './drive.js'
import { readLedger } from './evidence.js'
import type { Ledger } from './ledger.js'
import { makePlan } from './plan.js'
import type { Progress } from './progress.js'

/** The two ways to call a partner that the demo compares: inside the transaction, or after its commit. */
export type Rung = 'inside' | 'after'

/** Everything that one run has shown. */
export interface RungResult {
  readonly answers: readonly Answer[]
  readonly ledger: Ledger
  /** From the library: retries leave no trace in a table. */
  readonly retried: number
}

/** Where a run may write, and how much it sends. */
export interface RunOptions {
  readonly requests: number
  readonly folder: string
  readonly logFolder: string
  readonly cleanup: Cleanup
  readonly progress: Progress
}

// Low enough that the burst exceeds it while the points partner is slow.
export const maxPending = 30

/**
 * One run: fresh database, fresh partners, the app in the given mode, all requests, and the books when everything is
 * idle.
 */
export async function runRung(
  rung: Rung,
  { requests, folder, logFolder, cleanup, progress }: RunOptions,
): Promise<RungResult> {
  progress.start(rung, requests)
  const size = { users: 40, drafts: Math.ceil(requests / 12) }
  const { url, data } = await createDemoDatabase(folder, rung, size, cleanup)

  const partnersLog = join(logFolder, `partners-${rung}.log`)
  const partners = await startChild('../partners/server.ts', {
    name: 'process of the partners',
    lines: 5,
    env: { PARTNERS_PORT: '0' },
    logFile: partnersLog,
  })
  cleanup.add(() => partners.kill())
  const addresses = new Map(partners.lines.map((line) => line.split(' ') as [string, string]))
  const addressOf = (name: string): string => addresses.get(name) ?? ''

  const appLog = join(logFolder, `app-${rung}.log`)
  const app = await startChild('../server.ts', {
    name: 'app',
    lines: 1,
    env: {
      PORT: '0',
      DATABASE_URL: url,
      PARTNERS: rung,
      PUSH_URL: addressOf('push'),
      POINTS_URL: addressOf('points'),
      SEARCH_URL: addressOf('search'),
      SMS_URL: addressOf('sms'),
      MAX_PENDING: String(maxPending),
      LOG_FILE: appLog,
    },
    logFile: appLog,
  })
  cleanup.add(() => app.kill())
  const appUrl = app.lines[0]?.split(' ').at(-1) ?? ''

  const work = async (): Promise<RungResult> => {
    const plan = makePlan(requests, data)
    const answers = await drive(plan, { app: appUrl, control: addressOf('control') }, progress)
    progress.waiting()
    const retried = await retriedWhenIdle(appUrl)
    await app.stop()
    const ledger = await readLedger(url, addressOf('control'))
    await partners.stop()
    return { answers, ledger, retried }
  }
  const result = await Promise.race([work(), app.died, partners.died])
  progress.done()
  return result
}

async function retriedWhenIdle(appUrl: string): Promise<number> {
  for (;;) {
    const stats = (await (await fetch(`${appUrl}/stats`)).json()) as { pending: number; retried: number }
    if (stats.pending === 0) return stats.retried
    await delay(100)
  }
}
