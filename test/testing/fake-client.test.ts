// fakeClient(): what it does is what Prisma does, so each program runs on it and on the databases, and must end in the same way.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PrismaClient } from '../../prisma/client/sqlite/client.js'
import { type AfterCommit, createAfterCommit } from '../../src/index.js'
import { fakeClient, type FakeQuery } from '../../src/testing/index.js'
import { forEachDatabase } from '../support/databases.js'
import { recordingFailureLog, recordingLogger } from '../support/recorders.js'
import { deferred } from '../support/wait.js'
import { insert, rowsOf, sharedClient, type HasUsers } from '../support/watched.js'

interface World {
  readonly prisma: PrismaClient
  readonly afterCommit: AfterCommit
  /** A row and a task of the same name. */
  readonly both: (tx: HasUsers, name: string) => Promise<void>
}

interface Ending {
  readonly error: unknown
  readonly ran: readonly string[]
  readonly rows: readonly string[]
}

/** The emails of the users that were created. */
const emailsOf = (queries: readonly FakeQuery[]): string[] =>
  queries
    .filter(({ model, operation }) => model === 'User' && operation === 'create')
    .map(({ args }) => (args as { data: { email: string } }).data.email)

async function endingOf(
  program: (world: World) => Promise<unknown>,
  client: PrismaClient,
  rows: () => Promise<string[]> | string[],
): Promise<Ending> {
  const afterCommit = createAfterCommit({ logger: recordingLogger() })
  const prisma = afterCommit.watch(client)
  const ran: string[] = []
  const both = async (tx: HasUsers, name: string): Promise<void> => {
    await insert(tx, name)
    afterCommit(name, () => void ran.push(name))
  }
  const error = await program({ prisma, afterCommit, both }).then(
    () => undefined,
    (thrown: unknown) => (thrown instanceof Error && 'code' in thrown ? thrown.code : thrown),
  )
  await afterCommit.idle()
  return { error, ran, rows: await rows() }
}

const aString: unknown = 'a string'
const no = new Error('no')
const fail = async (): Promise<never> => {
  throw no
}

// SQLite has one writer, which would wait for itself.
const independent = 'an independent transaction inside a callback'

const programs: Record<string, (world: World) => Promise<unknown>> = {
  'a commit': ({ prisma, both }) => prisma.$transaction((tx) => both(tx, 'a')),
  'a rollback, whose error is untouched': ({ prisma, both }) =>
    prisma.$transaction(async (tx) => {
      await both(tx, 'a')
      await fail()
    }),
  'a thrown string': ({ prisma, both }) =>
    prisma.$transaction(async (tx) => {
      await both(tx, 'a')
      await Promise.reject(aString)
    }),
  'a savepoint that is released, in one that rolls back, beside one that stays': ({ prisma, both }) =>
    prisma.$transaction(async (tx) => {
      await both(tx, 'a')
      const middle = tx.$transaction(async (outer) => {
        await both(outer, 'b')
        await outer.$transaction((inner) => both(inner, 'c'))
        await fail()
      })
      await middle.catch((error: unknown) => assert.equal(error, no))
      await tx.$transaction((nested) => both(nested, 'd'))
    }),
  [independent]: ({ prisma, both }) =>
    prisma.$transaction(async (tx) => {
      await both(tx, 'outer')
      await prisma.$transaction((own) => both(own, 'inner'))
      await fail()
    }),
  'nested transactions at the same time': ({ prisma, both }) =>
    prisma.$transaction(async (tx) => {
      await both(tx, 'a')
      await Promise.all([
        tx.$transaction((nested) => both(nested, 'b')),
        tx.$transaction((nested) => both(nested, 'c')),
      ])
    }),
  'a nested transaction that nobody awaits': async ({ prisma, both }) => {
    let nested: Promise<unknown> | undefined
    const over = deferred()
    const outer = prisma.$transaction(async (tx) => {
      await both(tx, 'a')
      const started = deferred()
      nested = tx.$transaction(async (inner) => {
        await both(inner, 'b')
        started.resolve()
        await over.promise
      })
      nested.catch(() => undefined)
      await started.promise
    })
    const error = await outer.catch((thrown: unknown) => thrown)
    over.resolve()
    await assert.rejects(nested ?? outer)
    throw error
  },
  'a query after the end': async ({ prisma, both }) => {
    const tx = await prisma.$transaction(async (open) => {
      await both(open, 'a')
      return open
    })
    await insert(tx, 'late')
  },
  'the array form': async ({ prisma }) => {
    const rows = await prisma.$transaction([
      prisma.user.create({ data: { email: 'a', name: 'a' } }),
      prisma.user.create({ data: { email: 'b', name: 'b' } }),
    ])
    assert.deepEqual(
      rows.map(({ email }) => email),
      ['a', 'b'],
    )
  },
  'the array form inside a transaction': ({ prisma, both }) =>
    prisma.$transaction(async (tx) => {
      await both(tx, 'a')
      const batch = (tx as PrismaClient).$transaction([tx.user.create({ data: { email: 'b', name: 'b' } })])
      await batch
    }),
  'a query that nobody awaits': async ({ prisma, both }) => {
    await prisma.$transaction(async (tx) => {
      void tx.user.create({ data: { email: 'a', name: 'a' } })
      await both(tx, 'b')
    })
  },
  'a query that the callback returns': ({ prisma, afterCommit }) =>
    prisma.$transaction((tx) => {
      afterCommit('nothing', () => undefined)
      return tx.user.create({ data: { email: 'a', name: 'a' } })
    }),
  'onRollback and inTransaction': async ({ prisma, afterCommit, both }) => {
    const rolledBack = deferred<boolean>()
    const failing = prisma.$transaction(async (tx) => {
      await both(tx, 'a')
      const inside = afterCommit.inTransaction()
      afterCommit.onRollback(() => rolledBack.resolve(inside && !afterCommit.inTransaction()))
      await fail()
    })
    await assert.rejects(failing)
    assert.equal(await rolledBack.promise, true)
  },
  'extensions added before and after watch': async ({ prisma, both, afterCommit }) => {
    const order: string[] = []
    const extended = prisma.$extends({
      client: { $hello: () => 'hello' },
      model: { user: { greet: (name: string) => `hello ${name}` } },
      query: {
        user: {
          create: ({ args, query }) => {
            order.push('create')
            return query({ ...args, data: { ...args.data, name: 'extended' } })
          },
        },
        $allOperations: ({ model, operation, args, query }) => {
          order.push(`${model}.${operation}`)
          return query(args)
        },
      },
    })
    await extended.$transaction(async (tx) => {
      assert.equal(tx.$hello(), 'hello')
      assert.equal(tx.user.greet('ada'), 'hello ada')
      await both(tx, 'a')
      const { name } = await tx.user.create({ data: { email: 'b', name: 'b' } })
      assert.equal(name, 'extended')
      afterCommit.for(tx)('bound', () => undefined)
    })
    assert.deepEqual(order, ['create', 'User.create', 'create', 'User.create'])
  },
}

forEachDatabase((db) => {
  for (const [title, program] of Object.entries(programs)) {
    if (db.provider === 'sqlite' && title === independent) continue
    test(`ends ${title} as ${db.name} does`, async () => {
      await db.reset()
      const real = await endingOf(program, sharedClient(db), () => rowsOf(db))
      const { client, committed } = fakeClient<PrismaClient>()
      const fake = await endingOf(program, client, () => emailsOf(committed))
      assert.deepEqual(fake, real)
    })
  }
})

describe('fakeClient', () => {
  test('fails a COMMIT: the database refused, and nothing is stored or run', async () => {
    const database = fakeClient<PrismaClient>()
    database.failCommit()
    const failing = endingOf(
      ({ prisma, both }) => prisma.$transaction((tx) => tx.$transaction((nested) => both(nested, 'a'))),
      database.client,
      () => emailsOf(database.committed),
    )
    const { error, ran, rows } = await failing
    assert.equal((error as Error).name, 'DriverAdapterError')
    assert.deepEqual({ ran, rows }, { ran: [], rows: [] })
  })

  test('fails one COMMIT with the error that it was given', async () => {
    const database = fakeClient<PrismaClient>()
    const failureLog = recordingFailureLog()
    const afterCommit = createAfterCommit({ failureLog, logger: recordingLogger() })
    const prisma = afterCommit.watch(database.client)
    const lost = new Error('socket hang up')
    database.failCommit(lost)
    const handles: { readonly state: string }[] = []
    const attempt = (): Promise<unknown> =>
      prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        handles.push(afterCommit('a', () => undefined))
      })
    await assert.rejects(attempt(), (thrown) => thrown === lost)
    await attempt()
    await afterCommit.idle()
    assert.deepEqual(
      handles.map(({ state }) => state),
      ['unknown', 'succeeded'],
    )
    assert.deepEqual(emailsOf(database.committed), ['a'])
  })

  test('asks onQuery for the answer, or for the error of a query', async () => {
    const asked: string[] = []
    const error = new Error('unique')
    const database = fakeClient<PrismaClient>({
      onQuery({ model, operation, args }) {
        asked.push(`${model}.${operation}`)
        if (operation === 'delete') throw error
        if (operation === 'findUnique') return { id: 7, args }
        return undefined
      },
    })
    const { client } = database
    assert.deepEqual(await client.user.findUnique({ where: { id: 7 } }), { id: 7, args: { where: { id: 7 } } })
    await assert.rejects(client.user.delete({ where: { id: 7 } }), (thrown) => thrown === error)
    assert.deepEqual(await client.$queryRaw`SELECT 1`, [])
    assert.deepEqual(asked, ['User.findUnique', 'User.delete', 'undefined.$queryRaw'])
    assert.deepEqual(
      database.committed.map(({ operation }) => operation),
      ['findUnique', '$queryRaw'],
    )
  })

  test('answers like an empty table, and gives what is written back', async () => {
    const { client } = fakeClient<PrismaClient>()
    const data = { email: 'a', name: 'a' }
    assert.deepEqual(
      [
        await client.user.create({ data }),
        await client.user.update({ where: { id: 1 }, data }),
        await client.user.upsert({ where: { id: 1 }, create: data, update: {} }),
        await client.user.createMany({ data: [data, data] }),
        await client.user.createManyAndReturn({ data: [data] }),
        await client.user.updateMany({ data }),
        await client.user.findMany(),
        await client.user.findFirst(),
        await client.user.count(),
        await client.$executeRawUnsafe('DELETE'),
      ],
      [data, data, data, { count: 2 }, [data], { count: 0 }, [], null, 0, 0],
    )
  })

  test('is a client that connects, listens and can be extended by a function', async () => {
    const { client } = fakeClient<PrismaClient>()
    await client.$connect()
    client.$on('query' as never, () => undefined)
    const extended = client.$extends((base) => base.$extends({ client: { $one: () => 1 } }))
    assert.equal(extended.$one(), 1)
    await client.$disconnect()
  })
})
