import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { setTimeout as timer } from 'node:timers/promises'
import { forEachDatabase } from '../support/databases.js'
import { clientWithHeldCommit } from '../support/held-commit.js'
import { lacks, savepoints } from '../support/prisma-version.js'
import { insert, patient, watched } from '../support/watched.js'
import { deferred } from '../support/wait.js'

describe('inTransaction says whether there is a watched, still open transaction around the caller', () => {
  forEachDatabase((db) => {
    beforeEach(() => db.reset())

    test('in callbacks on every level, in what they call and schedule, and nowhere else', async (t) => {
      if (lacks(t, savepoints)) return
      const { prisma, base, afterCommit, outcome } = watched(db)
      const inside = (): boolean => afterCommit.inTransaction()
      const deepDown = async (): Promise<boolean> => {
        await Promise.resolve()
        return inside()
      }
      assert.equal(inside(), false)
      await prisma.$transaction(async (tx) => {
        assert.equal(inside(), true)
        await insert(tx, 'a')
        assert.deepEqual(await Promise.all([deepDown(), timer(1).then(inside), tx.user.count().then(inside)]), [
          true,
          true,
          true,
        ])
        const nested = tx.$transaction(async (inner) => {
          assert.equal(inside(), true)
          await insert(inner, 'lost')
          throw new Error('no')
        })
        await assert.rejects(nested, /no/)
        assert.equal(inside(), true)
      })
      assert.equal(inside(), false)
      await base.$transaction(() => Promise.resolve(assert.equal(inside(), false)))
      assert.deepEqual(await outcome(), { ran: [], rows: ['a'] })
    })

    test('not in its task, not in unawaited work after the end, not while COMMIT is under way', async (t) => {
      const commit = await clientWithHeldCommit(db, t)
      const { prisma, afterCommit, outcome } = watched(db, {}, commit.client)
      const open: Record<string, boolean> = {}
      const ended = deferred()
      const late: Promise<void>[] = []
      const transaction = prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        afterCommit(() => void (open['in its task'] = afterCommit.inTransaction()))
        late.push(commit.answered.then(() => void (open['during COMMIT'] = afterCommit.inTransaction())))
        late.push(ended.promise.then(() => void (open['after the end'] = afterCommit.inTransaction())))
      })
      await commit.answered
      await late[0]
      commit.release()
      await transaction
      ended.resolve()
      await late[1]
      assert.deepEqual(await outcome(), { ran: [], rows: ['a'] })
      assert.deepEqual(open, { 'during COMMIT': false, 'after the end': false, 'in its task': false })
    })

    test('it sends no query and opens no connection', async () => {
      const client = db.newClient<'query'>({ log: [{ level: 'query', emit: 'event' }], transactionOptions: patient })
      let statements = 0
      client.$on('query', () => statements++)
      const { prisma, afterCommit, both, outcome } = watched(db, {}, client)
      for (let call = 0; call < 1_000; call++) assert.equal(afterCommit.inTransaction(), false)
      assert.equal(statements, 0)
      await prisma.$transaction(async (tx) => {
        await both(tx, 'a')
        const before = statements
        for (let call = 0; call < 1_000; call++) assert.equal(afterCommit.inTransaction(), true)
        assert.equal(statements, before)
      })
      assert.deepEqual(await outcome(), { ran: ['a'], rows: ['a'] })
    })
  })
})
