import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Express } from 'express'
import type { PrismaClient } from '../../src/app/database.js'
import { type Partners, startPartners } from '../../src/app/partners/start.js'
import { type SampleData, addSampleData } from '../../src/app/sample-data.js'
import type { AfterCommit } from '../../src/index.js'

/** The shop with its partners, in this process, as a test sees it. */
export interface Shop {
  readonly app: Express
  readonly prisma: PrismaClient
  readonly afterCommit: AfterCommit
  readonly partners: Partners
  readonly data: SampleData
  /** The lines of the app's log. */
  log(): Promise<Record<string, unknown>[]>
  close(): Promise<void>
}

/**
 * Opens the shop on a fresh database. The app reads its settings from the environment when it is imported, so a test
 * file opens one shop.
 *
 * @param environment what this shop should have different
 * @param databaseUrl a database with tables and without rows; an SQLite file of its own by default
 */
export async function openShop(environment: NodeJS.ProcessEnv = {}, databaseUrl?: string): Promise<Shop> {
  const folder = await mkdtemp(join(tmpdir(), 'after-commit-shop-'))
  const url = databaseUrl ?? `file:${join(folder, 'shop.db')}`
  const logFile = join(folder, 'shop.log')
  const partners = await startPartners()
  const { push, points, search, sms } = partners.each
  Object.values(partners.each).forEach((partner) => partner.configure({ latency: 0 }))
  Object.assign(process.env, {
    DATABASE_URL: url,
    LOG_FILE: logFile,
    PUSH_URL: push.url,
    POINTS_URL: points.url,
    SEARCH_URL: search.url,
    SMS_URL: sms.url,
    ...environment,
  })
  const { createApp } = await import('../../src/app/app.js')
  const { afterCommit, prisma } = await import('../../src/app/after-commit.js')
  const data = await addSampleData(prisma, { users: 8, drafts: 4 })
  const log = async () => {
    const lines = (await readFile(logFile, 'utf8')).split('\n').filter((line) => line !== '')
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  }
  const close = async () => {
    await afterCommit.close({ grace: 0 })
    await prisma.$disconnect()
    await partners.close()
    await rm(folder, { recursive: true })
  }
  return { app: createApp(), prisma, afterCommit, partners, data, log, close }
}

/** What must be there, or the test has been set up wrongly. */
export function present<T>(value: T | undefined | null): T {
  if (value === undefined || value === null) throw new Error('Expected a value')
  return value
}
