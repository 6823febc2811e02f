import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { NestedBatchError } from '../../src/index.js'
import { forEachDatabase } from '../support/databases.js'
import { lacks, savepoints } from '../support/prisma-version.js'
import { insert, type Tx, watched } from '../support/watched.js'

// The array form, which Prisma leaves out of the type of `tx` and not out of `tx`.
const batch = (tx: Tx, queries: unknown[]): Promise<unknown> =>
  (tx as unknown as { $transaction(queries: unknown[]): Promise<unknown> }).$transaction(queries)

const refused = (error: unknown): boolean => {
  assert.equal(error instanceof NestedBatchError && error.code, 'ERR_NESTED_BATCH')
  return true
}

describe('Rule 8: tx.$transaction([...]) would leave the open transaction, so it is refused', () => {
  forEachDatabase((db) => {
    beforeEach(() => db.reset())

    test('the promise rejects, none of the queries runs, and tx stays usable', async (t) => {
      if (lacks(t, savepoints)) return
      const { prisma, both, outcome } = watched(db)
      await prisma.$transaction(async (tx) => {
        await both(tx, 'before')
        await assert.rejects(batch(tx, [insert(tx, 'escaped'), tx.user.count()]), refused)
        await both(tx, 'after')
      })
      assert.deepEqual(await outcome(), { ran: ['before', 'after'], rows: ['before', 'after'] })
    })

    test('inside a nested transaction too, whose savepoint stays usable', async (t) => {
      if (lacks(t, savepoints)) return
      const { prisma, both, outcome } = watched(db)
      await prisma.$transaction(async (tx) => {
        await tx.$transaction(async (inner) => {
          await assert.rejects(batch(inner, [insert(inner, 'escaped')]), refused)
          await both(inner, 'nested')
        })
        await assert.rejects(batch(tx, []), refused)
        await both(tx, 'outer')
      })
      assert.deepEqual(await outcome(), { ran: ['nested', 'outer'], rows: ['nested', 'outer'] })
    })

    test('where nobody catches it, it leaves the callback and rolls back', async (t) => {
      if (lacks(t, savepoints)) return
      const { prisma, both, events, outcome } = watched(db)
      const transaction = prisma.$transaction(async (tx) => {
        await both(tx, 'a')
        await batch(tx, [insert(tx, 'escaped')])
      })
      await assert.rejects(transaction, refused)
      assert.deepEqual(await outcome(), { ran: [], rows: [] })
      assert.deepEqual(events, ['discarded a'])
    })

    test('from a client extension that calls this.$transaction([...]) on tx', async (t) => {
      if (lacks(t, savepoints)) return
      const { prisma, both, outcome } = watched(db)
      const extended = prisma.$extends({
        client: {
          async importUsers(names: string[]): Promise<unknown> {
            const client = this as unknown as Tx
            return await batch(
              client,
              names.map((name) => insert(client, name)),
            )
          },
        },
      })
      await extended.$transaction(async (tx) => {
        await assert.rejects(tx.importUsers(['escaped']), refused)
        await both(tx, 'a')
      })
      assert.deepEqual(await outcome(), { ran: ['a'], rows: ['a'] })
      await extended.importUsers(['b', 'c']) // outside a transaction it is Prisma's own batch
      assert.deepEqual(await outcome(), { ran: ['a'], rows: ['a', 'b', 'c'] })
    })
  })
})
