import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import type { PrismaClient } from '../../prisma/client/sqlite/client.js'
import { forEachDatabase } from '../support/databases.js'
import { holdTimers } from '../support/held-timers.js'
import { nestedIn } from '../support/prisma-version.js'
import { insert, patient, watched } from '../support/watched.js'

const methodsOf = (client: object, ...names: string[]): unknown[] => names.map((name) => Reflect.get(client, name))

describe('Rule 13: everything else of Prisma works unchanged through `watch`', () => {
  forEachDatabase((db) => {
    beforeEach(() => db.reset())

    test('$on of the watched client hears the queries, inside transactions too', async () => {
      const client = db.newClient<'query'>({ log: [{ level: 'query', emit: 'event' }], transactionOptions: patient })
      const { prisma, both, outcome } = watched(db, {}, client)
      const heard: string[] = []
      const same = prisma as unknown as typeof client
      same.$on('query', ({ query }) => heard.push(query.split(' ')[0] ?? ''))
      await prisma.$transaction((tx) => both(tx, 'a'))
      assert.deepEqual(await outcome(), { ran: ['a'], rows: ['a'] })
      assert.equal(heard.includes('INSERT'), true)
    })

    test('raw queries work on the client, on tx and on a nested tx', async () => {
      const { prisma, task, outcome } = watched(db)
      const table = db.name === 'mariadb' ? 'User' : '"User"'
      const add = (client: Pick<PrismaClient, '$executeRawUnsafe' | '$queryRaw'>, email: string) =>
        client.$executeRawUnsafe(`INSERT INTO ${table} (email, name) VALUES ('${email}', 'raw')`)
      assert.equal(await add(prisma, 'a'), 1)
      await prisma.$transaction(async (tx) => {
        assert.equal(await add(tx, 'b'), 1)
        await nestedIn(tx, async (inner) => {
          assert.equal(await add(inner, 'c'), 1)
          const rows = await inner.$queryRaw<{ n: number | bigint }[]>`SELECT 1 + ${1} AS n`
          assert.equal(Number(rows[0]?.n), 2)
          task('raw')
        })
      })
      assert.deepEqual(await outcome(), { ran: ['raw'], rows: ['a', 'b', 'c'] })
    })

    test('what the callback returns is what $transaction resolves with, a query that nobody has awaited included', async () => {
      const { prisma, task, outcome } = watched(db)
      const value = { any: 'thing' }
      assert.equal(await prisma.$transaction(() => Promise.resolve(value)), value)
      const user = await prisma.$transaction((tx) => {
        task('a')
        return tx.user.create({ data: { email: 'a', name: 'a' } }) // Prisma sends it when it is awaited
      })
      assert.equal(user.email, 'a')
      assert.deepEqual(await outcome(), { ran: ['a'], rows: ['a'] })
    })

    test('a query that the callback returns without awaiting is inside: what its extension registers follows it', async () => {
      const { prisma, task, events, outcome } = watched(db)
      const extended = prisma.$extends({
        query: {
          user: {
            create({ args, query }) {
              task(args.data.email)
              return query(args)
            },
          },
        },
      })
      const data = { email: 'a', name: 'a' }
      await extended.$transaction((tx) => tx.user.create({ data }))
      await assert.rejects(extended.$transaction((tx) => tx.user.create({ data })))
      assert.deepEqual(await outcome(), { ran: ['a'], rows: ['a'] })
      assert.deepEqual(events.toSorted(), ['discarded a', 'succeeded a'])
    })

    test('a callback that throws before it returns a promise', async () => {
      const { prisma, task, events, outcome } = watched(db)
      const failure = new Error('at once')
      const transaction = prisma.$transaction(() => {
        task('a')
        throw failure
      })
      await assert.rejects(transaction, (error) => error === failure)
      assert.deepEqual([events, await outcome()], [['discarded a'], { ran: [], rows: [] }])
    })

    test('the options of the caller are not written to, frozen ones are taken, and one object serves many calls', async () => {
      const { prisma, both, outcome } = watched(db)
      const options = { timeout: 15_000, maxWait: 15_000 }
      const frozen = Object.freeze({ ...options })
      for (const [index, given] of [options, frozen].entries()) {
        await prisma.$transaction(async (tx) => {
          await both(tx, `outer ${index}`)
          await nestedIn(tx, (inner) => both(inner, `nested ${index}`), given)
          await nestedIn(tx, (inner) => both(inner, `sibling ${index}`), given)
        }, given)
        assert.deepEqual(given, { timeout: 15_000, maxWait: 15_000 })
      }
      const expected = [0, 1].flatMap((index) => [`outer ${index}`, `nested ${index}`, `sibling ${index}`])
      assert.deepEqual(await outcome(), { ran: expected, rows: expected })
    })

    test('`timeout` of the call and of `transactionOptions` both hold', async (t) => {
      const short = { timeout: 50_000, maxWait: 20_000 }
      const limit = holdTimers(t, 50_000)
      const client = db.newClient({ transactionOptions: short })
      const { prisma, both, events, outcome } = watched(db, {}, client)
      const slow = (name: string, outlasted: number[], options?: typeof short): Promise<void> =>
        prisma.$transaction(async (tx) => {
          await both(tx, name)
          assert.deepEqual(limit.expire(), outlasted)
        }, options)
      await assert.rejects(slow('by transactionOptions', [50_000]), { code: 'P2028' })
      await assert.rejects(slow('by the call', [49_500], { ...short, timeout: 49_500 }), { code: 'P2028' })
      await slow('patient', [], patient)
      assert.deepEqual(await outcome(), { ran: ['patient'], rows: ['patient'] })
      assert.deepEqual(events, ['discarded by transactionOptions', 'discarded by the call', 'succeeded patient'])
    })

    test('watching twice is watching once', async () => {
      const { afterCommit, base, prisma, both, outcome } = watched(db)
      assert.equal(afterCommit.watch(prisma), prisma)
      const view = prisma.$extends({ name: 'view' })
      assert.equal(afterCommit.watch(view), view)
      const again = afterCommit.watch(base)
      await again.$transaction((tx) => both(tx, 'a'))
      await afterCommit.watch(view).$transaction((tx) => both(tx, 'b'))
      assert.deepEqual(await outcome(), { ran: ['a', 'b'], rows: ['a', 'b'] })
    })

    test('the client that was given stays as it was', async () => {
      const client = db.newClient({ transactionOptions: patient })
      const shape = (): unknown[] => [...methodsOf(client, '$transaction', '$extends', '$on'), Reflect.ownKeys(client)]
      const before = shape()
      const { prisma, both, outcome } = watched(db, { outsideTransaction: 'discard' }, client)
      await prisma.$transaction((tx) => both(tx, 'watched'))
      assert.notEqual(prisma, client)
      assert.deepEqual(shape(), before)
      await client.$transaction((tx) => both(tx, 'not watched'))
      assert.deepEqual(await outcome(), { ran: ['watched'], rows: ['watched', 'not watched'] })
    })

    test('a client whose $transaction an extension replaces stays as it was, too', async () => {
      const client = db.newClient({ transactionOptions: patient })
      const $transaction = (callback: (tx: object) => Promise<unknown>): Promise<unknown> =>
        client.$transaction(callback)
      const replaced = client.$extends({ client: { $transaction } }) as unknown as PrismaClient
      const methods = (): unknown[] => [...methodsOf(client, '$transaction'), ...methodsOf(replaced, '$transaction')]
      const before = methods()
      const one = watched(db, { outsideTransaction: 'discard' }, replaced)
      const other = watched(db, { outsideTransaction: 'discard' }, replaced)
      await one.prisma.$transaction(async (tx) => {
        await one.both(tx, 'one')
        await nestedIn(tx, (inner) => one.both(inner, 'nested'))
      })
      assert.deepEqual(methods(), before)
      await client.$transaction((tx) => one.both(tx, 'not watched'))
      await other.prisma.$transaction((tx) => other.both(tx, 'other'))
      const rows = ['one', 'nested', 'not watched', 'other']
      assert.deepEqual(await one.outcome(), { ran: ['one', 'nested'], rows })
      assert.deepEqual(await other.outcome(), { ran: ['other'], rows })
    })

    test('a transaction that registers nothing leaves no trace in the pool', async () => {
      const { prisma, afterCommit, events, log, outcome } = watched(db)
      const untouched = afterCommit.stats()
      await prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        assert.equal(afterCommit.inTransaction(), true)
      })
      assert.deepEqual(afterCommit.stats(), untouched)
      assert.deepEqual([events, log.lines, await outcome()], [[], [], { ran: [], rows: ['a'] }])
    })

    test('findUnique calls of one turn are still one query, and relations can be followed', async () => {
      const client = db.newClient<'query'>({ log: [{ level: 'query', emit: 'event' }], transactionOptions: patient })
      let statements = 0
      client.$on('query', () => statements++)
      const { prisma, task, outcome } = watched(db, {}, client)
      const { id: authorId } = await insert(prisma, 'a')
      await insert(prisma, 'b')
      const course = await prisma.course.create({ data: { title: 'SQL', price: 1, authorId } })
      await prisma.$transaction(async (tx) => {
        task('found')
        const author = await tx.course.findUnique({ where: { id: course.id } }).author()
        assert.equal(author?.email, 'a')
        statements = 0
        const found = await Promise.all(['a', 'b', 'nobody'].map((email) => tx.user.findUnique({ where: { email } })))
        assert.deepEqual(
          found.map((user) => user?.email),
          ['a', 'b', undefined],
        )
        assert.equal(statements, 1)
      })
      assert.deepEqual(await outcome(), { ran: ['found'], rows: ['a', 'b'] })
    })

    test('tx has what Prisma’s own has, and lacks what it lacks', async () => {
      const { prisma, base, outcome } = watched(db)
      const methods = ['$connect', '$disconnect', '$on', '$extends', '$transaction', '$queryRaw', '$executeRaw', 'user']
      const shape = (client: PrismaClient): Promise<unknown[]> =>
        client.$transaction((tx) => Promise.resolve(methods.map((name) => typeof Reflect.get(tx, name))))
      assert.deepEqual(await shape(prisma), await shape(base))
      assert.deepEqual(await outcome(), { ran: [], rows: [] })
    })

    test('$connect and $disconnect work on the watched client', async () => {
      const { prisma, both, outcome } = watched(db, {}, db.newClient({ transactionOptions: patient }))
      await prisma.$connect()
      await prisma.$transaction((tx) => both(tx, 'a'))
      await prisma.$disconnect()
      await prisma.$transaction((tx) => both(tx, 'b')) // Prisma connects again by itself
      await prisma.$disconnect()
      assert.deepEqual(await outcome(), { ran: ['a', 'b'], rows: ['a', 'b'] })
    })

    if (db.name === 'postgresql') {
      test('the isolation level of the call and of `transactionOptions` both arrive', async () => {
        const transactionOptions = { ...patient, isolationLevel: 'RepeatableRead' as 'Serializable' }
        const { prisma, both, outcome } = watched(db, {}, db.newClient({ transactionOptions }))
        const levels: (string | undefined)[] = []
        const call = (name: string, options?: { isolationLevel: 'Serializable' }): Promise<void> =>
          prisma.$transaction(async (tx) => {
            await both(tx, name)
            const ask = await tx.$queryRaw<
              { level: string }[]
            >`SELECT current_setting('transaction_isolation') AS level`
            levels.push(ask[0]?.level)
          }, options)
        await call('a')
        await call('b', { isolationLevel: 'Serializable' })
        assert.deepEqual(levels, ['repeatable read', 'serializable'])
        assert.deepEqual(await outcome(), { ran: ['a', 'b'], rows: ['a', 'b'] })
      })
    }
  })
})
