import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PrismaClient } from '../../prisma/client/sqlite/client.js'
import { forEachDatabase } from '../support/databases.js'
import { has, nestedIn, savepoints } from '../support/prisma-version.js'
import { type Tx, watched } from '../support/watched.js'

type Failing = (tx: Tx) => Promise<unknown>
type Calling = (client: PrismaClient, failing: Failing) => Promise<unknown>

const failing: Record<string, Failing> = {
  async 'a query that the database refuses'(tx) {
    await tx.$queryRawUnsafe('SELEC 1')
  },
  async 'a query that Prisma refuses'(tx) {
    await tx.user.findMany({ where: { id: 'one' as unknown as number } })
  },
  async 'a query after another one'(tx) {
    await tx.user.count()
    await tx.user.create({ data: { email: 'a', name: 'a' } })
    await tx.user.create({ data: { email: 'a', name: 'a' } })
  },
  async 'an error of the application'(tx) {
    await tx.user.count()
    throw new Error('out of stock')
  },
}
const atOnce: Failing = () => {
  throw new Error('out of stock')
}

async function service(client: PrismaClient, inCallback: Failing): Promise<void> {
  await client.$transaction(async function callback(tx) {
    await inCallback(tx)
  })
}

async function nestedService(client: PrismaClient, inCallback: Failing): Promise<void> {
  await client.$transaction(async function callback(tx) {
    await nestedIn(tx, async function nestedCallback(inner) {
      await inCallback(inner)
    })
  })
}

/** The functions of the application in the stack of the error, the innermost first. */
async function calledThrough(call: Calling, client: PrismaClient, inCallback: Failing): Promise<string[]> {
  const error: unknown = await call(client, inCallback).catch((reason: unknown) => reason)
  assert.equal(error instanceof Error, true)
  const lines = (error as Error).stack?.split('\n').filter((line) => line.includes('rule-13-stacks')) ?? []
  return lines.map((line) => /at (?:async )?(?:\w+\.)?(?<name>.+) \(/u.exec(line)?.groups?.['name'] ?? line)
}

/** With an extension that has a look at a query. */
function extend(client: PrismaClient): PrismaClient {
  const count = { count: ({ args, query }: { args: never; query: (args: never) => unknown }) => query(args) }
  return client.$extends({ query: { user: count } } as object) as unknown as PrismaClient
}

async function assertSame(call: Calling, bare: PrismaClient, ours: PrismaClient, inCallback: Failing): Promise<void> {
  const expected = await calledThrough(call, bare, inCallback)
  assert.equal(expected.includes('callback'), true)
  assert.deepEqual(await calledThrough(call, ours, inCallback), expected)
}

describe('Rule 13: the stack of an error in a transaction is the one without `watch`', () => {
  forEachDatabase((db) => {
    const clients = () => {
      const { afterCommit, base, prisma } = watched(db)
      const extended = extend(base)
      return {
        plain: [base, prisma],
        extended: [extended, afterCommit.watch(extended)],
        extendedLater: [extended, extend(prisma)],
        watchedTwice: [base, watched(db, {}, prisma).prisma],
      } as const
    }

    for (const [what, inCallback] of Object.entries(failing)) {
      test(`${what}: it leads to who called $transaction`, async () => {
        await db.reset()
        for (const [bare, ours] of Object.values(clients())) await assertSame(service, bare, ours, inCallback)
        if (has(savepoints)) await assertSame(nestedService, ...clients().plain, inCallback)
      })
    }

    // Not where two instances watch: the promise of the inner one is awaited a moment later.
    test('an error before anything is awaited: it leads to who called $transaction', async () => {
      const { plain, extended, extendedLater } = clients()
      for (const [bare, ours] of [plain, extended, extendedLater]) await assertSame(service, bare, ours, atOnce)
    })
  })
})
