import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { Prisma, type PrismaClient } from '../../prisma/client/sqlite/client.js'
import type { AfterCommit } from '../../src/index.js'
import { forEachDatabase, type TestDatabase } from '../support/databases.js'
import { lacks, nestedIn, savepoints } from '../support/prisma-version.js'
import { insert, sharedClient, type Tx, watched } from '../support/watched.js'

const failure = new Error('not this one')
const isFailure = (error: unknown): boolean => error === failure
const fail = (): never => {
  throw failure
}

/** One extension of each kind; the methods write a row, register a task of the same name, and may open a transaction. */
function extend(client: PrismaClient, shared: { afterCommit?: AfterCommit; ran: string[]; queries: string[] }) {
  const register = (name: string) => shared.afterCommit?.(name, () => void shared.ran.push(name))
  const signUp = async (users: Pick<Tx, 'user'>, name: string): Promise<string> => {
    await insert(users, name)
    register(name)
    return name
  }
  return client.$extends({
    client: {
      signUp(name: string) {
        return signUp(this as unknown as Tx, name)
      },
      signUpInTransaction(name: string, end = (): void => {}) {
        return (this as unknown as PrismaClient).$transaction(async (tx) => {
          await signUp(tx, name)
          end()
        })
      },
    },
    model: {
      user: {
        signUp(name: string) {
          return signUp({ user: Prisma.getExtensionContext(this) as unknown as Tx['user'] }, name)
        },
        signUpInTransaction(name: string, end = (): void => {}) {
          const { $parent } = Prisma.getExtensionContext(this) as unknown as { $parent: PrismaClient }
          return $parent.$transaction(async (tx) => {
            await signUp(tx, name)
            end()
          })
        },
      },
    },
    result: { user: { label: { needs: { email: true }, compute: ({ email }) => `<${email}>` } } },
    query: {
      user: {
        create: async ({ args, query }) => {
          shared.queries.push(args.data.email)
          const result = await query(args)
          if (args.data.email.endsWith('with a note')) register(`note on ${args.data.email}`)
          return result
        },
      },
    },
  })
}

const added = {
  'before watch': (db: TestDatabase) => {
    const shared: { afterCommit?: AfterCommit; ran: string[]; queries: string[] } = { ran: [], queries: [] }
    const base = extend(sharedClient(db), shared)
    const all = watched(db, {}, base as unknown as PrismaClient)
    shared.afterCommit = all.afterCommit
    shared.ran = all.ran
    return { ...all, prisma: all.prisma as unknown as typeof base, queries: shared.queries }
  },
  'after watch': (db: TestDatabase) => {
    const all = watched(db)
    const queries: string[] = []
    return { ...all, prisma: extend(all.prisma, { ...all, queries }), queries }
  },
}

describe('Rule 13: extensions are whole, added before or after watch', () => {
  forEachDatabase((db) => {
    beforeEach(() => db.reset())

    for (const [when, extended] of Object.entries(added)) {
      test(`added ${when}, they are present on the client, on tx and on a nested tx`, async () => {
        const { prisma, queries, outcome } = extended(db)
        type View = Pick<typeof prisma, 'signUp' | 'user'>
        const use = async (view: View, name: string): Promise<void> => {
          await view.signUp(`${name} by the client’s method`)
          await view.user.signUp(`${name} by the model’s method`)
          const { label } = await view.user.create({ data: { email: name, name } })
          assert.equal(label, `<${name}>`)
        }
        await use(prisma, '1')
        await prisma.$transaction(async (tx) => {
          await use(tx, '2')
          await nestedIn(tx, async (inner) => {
            await use(inner, '3')
            await nestedIn(inner, (innermost) => use(innermost, '4'))
          })
        })
        const tasks = ['1', '2', '3', '4'].flatMap((n) => [`${n} by the client’s method`, `${n} by the model’s method`])
        const rows = ['1', '2', '3', '4'].flatMap((n) => [
          `${n} by the client’s method`,
          `${n} by the model’s method`,
          n,
        ])
        assert.deepEqual(await outcome(), { ran: tasks, rows })
        assert.deepEqual(queries, rows)
      })

      test(`added ${when}, a registration in any of their methods belongs to the transaction around it`, async (t) => {
        if (lacks(t, savepoints)) return
        const { prisma, events, outcome } = extended(db)
        await prisma.$transaction(async (tx) => {
          await tx.signUp('kept 1')
          const nested = tx.$transaction(async (inner) => {
            await inner.signUp('lost 1')
            await inner.user.signUp('lost 2')
            await insert(inner, 'lost 3 with a note')
            fail()
          })
          await assert.rejects(nested, isFailure)
          await tx.user.signUp('kept 2')
          await insert(tx, 'kept 3 with a note')
        })
        const tasks = ['kept 1', 'kept 2', 'note on kept 3 with a note']
        assert.deepEqual(await outcome(), { ran: tasks, rows: ['kept 1', 'kept 2', 'kept 3 with a note'] })
        assert.deepEqual(
          events.filter((event) => event.startsWith('discarded')),
          ['discarded lost 1', 'discarded lost 2', 'discarded note on lost 3 with a note'],
        )
      })

      for (const kind of ['this.$transaction of a client extension', '$parent.$transaction of a model extension']) {
        type View = Pick<ReturnType<typeof extended>['prisma'], 'signUpInTransaction' | 'user'>
        const signUp = (view: View, name: string, end?: () => void): Promise<void> =>
          kind.startsWith('this') ? view.signUpInTransaction(name, end) : view.user.signUpInTransaction(name, end)

        test(`added ${when}: ${kind} is a watched transaction`, async () => {
          const { prisma, outcome } = extended(db)
          await signUp(prisma, 'a')
          await assert.rejects(signUp(prisma, 'lost', fail), isFailure)
          assert.deepEqual(await outcome(), { ran: ['a'], rows: ['a'] })
        })

        test(`added ${when}: ${kind}, called on tx, is a savepoint of it`, async (t) => {
          if (lacks(t, savepoints)) return
          const { prisma, events, outcome } = extended(db)
          await prisma.$transaction(async (tx) => {
            await signUp(tx, 'a')
            await assert.rejects(signUp(tx, 'lost', fail), isFailure)
            await tx.$transaction((inner) => signUp(inner, 'b'))
          })
          assert.deepEqual(await outcome(), { ran: ['a', 'b'], rows: ['a', 'b'] })
          assert.deepEqual(events, ['discarded lost', 'succeeded a', 'succeeded b'])

          const transaction = prisma.$transaction(async (tx) => {
            await signUp(tx, 'released and lost')
            fail()
          })
          await assert.rejects(transaction, isFailure)
          assert.deepEqual(await outcome(), { ran: ['a', 'b'], rows: ['a', 'b'] })
        })
      }
    }

    test('an extension that sends each query in a batch of its own (row-level security) works as in Prisma', async () => {
      const batching = (client: PrismaClient) =>
        client.$extends({
          query: {
            $allModels: {
              async $allOperations({ args, query }) {
                // Typed as a promise, a PrismaPromise in fact.
                const own = query(args) as Prisma.PrismaPromise<unknown>
                const [, result] = await client.$transaction([client.$executeRaw`UPDATE ${table} SET name = name`, own])
                return result
              },
            },
          },
        }) as unknown as PrismaClient
      const table = Prisma.raw(db.name === 'mariadb' ? 'User' : '"User"')
      const { prisma, base, both, outcome } = watched(db)
      await both(batching(base), 'base')
      await both(batching(prisma), 'watched')
      assert.deepEqual(await outcome(), { ran: ['base', 'watched'], rows: ['base', 'watched'] })
    })
  })
})
