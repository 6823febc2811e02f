import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defineTask } from '../../src/index.js'
import { requestContext } from '../support/context.js'
import { forEachDatabase } from '../support/databases.js'
import { failureLogThat, next, start } from '../support/recorders.js'
import { deferred } from '../support/wait.js'

const request = requestContext<string>()
const patient = { transactionOptions: { maxWait: 60_000, timeout: 60_000 } }

const create = (name: string) => ({ data: { email: `${name}@example.org`, name } })

/** What a task sees of its request, at once and after each kind of wait. */
async function sights(): Promise<(string | undefined)[]> {
  const seen = [request.getStore()]
  await Promise.resolve()
  seen.push(request.getStore())
  await new Promise((resolve) => setImmediate(resolve))
  seen.push(request.getStore())
  return seen
}

describe('Rule 19: a task sees the context of its own request, and no open transaction', () => {
  forEachDatabase((db) => {
    for (const concurrency of [1, 10]) {
      test(`each task of 500 interleaved requests sees its own request, with concurrency ${concurrency}`, async () => {
        const { afterCommit } = start({ concurrency, retry: { retries: 1, minTimeout: 1 } })
        const prisma = afterCommit.watch(db.newClient(patient))
        const seen = new Map<string, Set<string | undefined>>()
        const handle = async (id: string, n: number): Promise<void> => {
          await prisma.$transaction(async (tx) => {
            await tx.user.count()
            afterCommit(id, async ({ attempt }) => {
              const own = seen.get(id) ?? new Set()
              seen.set(id, own)
              for (const sight of await sights()) own.add(sight)
              if (n % 10 === 0 && attempt === 1) throw new Error('once more')
            })
          })
        }
        await Promise.all(
          Array.from({ length: 500 }, (_, n) => request.run(`request ${n}`, () => handle(`request ${n}`, n))),
        )
        await afterCommit.idle()
        assert.equal(afterCommit.stats().succeeded, 500)
        assert.equal(afterCommit.stats().retried, 50)
        assert.equal(seen.size, 500)
        for (const [id, own] of seen) assert.deepEqual([...own], [id])
      })
    }

    test('the finished transaction is not visible: a registration there is outside a transaction', async () => {
      const { afterCommit } = start({ outsideTransaction: 'run' })
      const prisma = afterCommit.watch(db.newClient())
      const facts: unknown[] = []
      const inner = deferred<ReturnType<typeof afterCommit>>()
      await prisma.$transaction(async (tx) => {
        await tx.user.count()
        afterCommit('outer', () => {
          facts.push(afterCommit.inTransaction())
          assert.throws(() => afterCommit.onRollback(() => undefined), { code: 'ERR_NO_TRANSACTION' })
          inner.resolve(afterCommit('inner', () => facts.push(afterCommit.inTransaction())))
        })
        assert.equal(afterCommit.inTransaction(), true)
      })
      assert.equal((await (await inner.promise).settled).status, 'succeeded')
      assert.deepEqual(facts, [false, false])
    })

    test("a task's own transaction works, and its tasks follow its own commit", async () => {
      await db.reset()
      const { afterCommit } = start({ retry: false, concurrency: 1 })
      const prisma = afterCommit.watch(db.newClient())
      const ran: string[] = []
      const users = () => db.query<{ name: string }>('SELECT "name" FROM "User" ORDER BY "id"')
      await prisma.$transaction(async (tx) => {
        await tx.user.create(create('outer'))
        afterCommit('commits', async () => {
          await prisma.$transaction(async (own) => {
            await own.user.create(create('inner'))
            afterCommit('after the inner commit', async () => ran.push(JSON.stringify(await users())))
            assert.equal(afterCommit.inTransaction(), true)
            assert.deepEqual(await users(), [{ name: 'outer' }])
            assert.deepEqual(ran, [])
          })
        })
        afterCommit('rolls back', async () => {
          const transaction = prisma.$transaction(async (own) => {
            await own.user.create(create('gone'))
            afterCommit('never', () => ran.push('never'))
            throw new Error('rolled back')
          })
          await assert.rejects(transaction, { message: 'rolled back' })
        })
      })
      await afterCommit.idle()
      assert.equal(afterCommit.stats().failed, 0)
      assert.deepEqual(ran, [JSON.stringify([{ name: 'outer' }, { name: 'inner' }])])
      assert.deepEqual(await users(), [{ name: 'outer' }, { name: 'inner' }])
    })

    test('two instances do not see the transactions of each other', async () => {
      const one = start().afterCommit
      const two = start().afterCommit
      const prisma = one.watch(db.newClient())
      await prisma.$transaction(async () => {
        assert.deepEqual([one.inTransaction(), two.inTransaction()], [true, false])
        assert.equal((await two('not held', () => undefined).settled).status, 'succeeded')
      })
    })
  })

  test('retries and the attempt after a timed-out one see the registering request', async () => {
    const { afterCommit } = start({ concurrency: 2, timeout: 10, abortGrace: 0, retry: { retries: 3, minTimeout: 1 } })
    const seen = new Map<string, Set<string | undefined>>()
    const finish = deferred()
    for (let n = 0; n < 20; n++) {
      const id = `request ${n}`
      const own = new Set<string | undefined>()
      seen.set(id, own)
      request.run(id, () =>
        afterCommit(id, async ({ attempt }) => {
          own.add(request.getStore())
          if (attempt === 1) throw new Error('boom')
          if (attempt === 2) await finish.promise
          own.add(request.getStore())
        }),
      )
    }
    await afterCommit.idle()
    finish.resolve()
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(afterCommit.stats().succeeded, 20)
    for (const [id, own] of seen) assert.deepEqual([...own], [id])
  })

  test('a listener on the signal sees the request of its task, whoever aborts it', async () => {
    const { afterCommit } = start({ concurrency: 1, abortGrace: 60_000, retry: false })
    const seen = new Map<string, string | undefined>()
    const task = (timeout: number) =>
      defineTask(
        'listens',
        (_: void, { signal }) =>
          new Promise<void>((resolve) => {
            const id = request.getStore() ?? 'none'
            signal.addEventListener('abort', () => {
              seen.set(id, request.getStore())
              resolve()
            })
          }),
        { timeout },
      )
    request.run('timed out', () => afterCommit(task(5)))
    request.run('timed out as the second in its slot', () => afterCommit(task(5)))
    const last = request.run('interrupted', () => afterCommit(task(60_000)))
    while (last.attempts === 0) await next(afterCommit, 'started')
    await request.run('the one that closes', () => afterCommit.close({ grace: 0 }))
    assert.equal(seen.size, 3)
    for (const [id, store] of seen) assert.equal(store, id)
  })

  test('rows are not written in the context of a request', async () => {
    const written: (string | undefined)[] = []
    const { afterCommit } = start({
      retry: false,
      failureLog: failureLogThat({
        write() {
          written.push(request.getStore())
          return Promise.resolve()
        },
      }),
    })
    request.run('request 1', () => afterCommit(() => Promise.reject(new Error('boom'))))
    await afterCommit.idle()
    assert.deepEqual(written, [undefined])
  })
})
