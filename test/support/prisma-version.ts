// What older versions of Prisma lack, for the tests that need it: `if (lacks(t, savepoints)) return`.
import { createRequire } from 'node:module'
import type { TestContext } from 'node:test'
import type { PrismaClient } from '../../prisma/client/sqlite/client.js'

interface Feature {
  readonly since: readonly [major: number, minor: number]
  readonly what: string
}

export const savepoints: Feature = { since: [7, 5], what: 'nested transactions' }
export const maxWait: Feature = { since: [7, 1], what: 'limit for the time in which it waits for a connection' }

const require = createRequire(import.meta.url)
export const { version } = require('@prisma/client/package.json') as { readonly version: string }
const [major = 0, minor = 0] = version.split('.').map(Number)

export const has = ({ since }: Feature): boolean => major > since[0] || (major === since[0] && minor >= since[1])

/** Skips the test, and says why, where this version lacks the feature. */
export function lacks(t: TestContext, feature: Feature): boolean {
  if (has(feature)) return false
  t.skip(`Prisma ${version} has no ${feature.what}`)
  return true
}

/** A reason to skip that is a fact of the version, and not something that is missing on this machine. */
export const isFactOfVersion = (reason: unknown): boolean =>
  typeof reason === 'string' && reason.startsWith(`Prisma ${version} has no `)

/** A nested transaction where there are any; otherwise its callback is a part of the transaction around it. */
export function nestedIn<C extends object, R>(
  tx: C,
  body: (inner: C) => Promise<R>,
  options?: { timeout: number; maxWait: number },
): Promise<R> {
  if (!has(savepoints)) return body(tx)
  return (tx as unknown as PrismaClient).$transaction((inner) => body(inner as unknown as C), options)
}

/**
 * Prisma 6 never gives back the connection of a COMMIT that failed, and on PostgreSQL its `$disconnect` waits for that. The
 * server ends such a connection when the database is dropped.
 */
export async function disconnect(client: { $disconnect(): Promise<void> }): Promise<void> {
  const disconnected = client.$disconnect()
  if (major >= 7) return disconnected
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, 500)))
  await Promise.race([disconnected, patience])
  clearTimeout(timer)
}
