// Most of this file is checked by the compiler: `npm run typecheck` fails where a type is wrong, and where an error that is
// expected does not come.
import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import type { PrismaClient } from '../../prisma/client/sqlite/client.js'
import {
  type AfterCommit,
  createAfterCommit,
  defineTask,
  type StandardSchema,
  type TaskContext,
  type TaskHandle,
} from '../../src/index.js'
import { forEachDatabase } from '../support/databases.js'
import { nestedIn } from '../support/prisma-version.js'
import { insert, sharedClient, watched } from '../support/watched.js'

/** The same type, and not `any`. */
type Equal<A, B> = 0 extends 1 & A ? false : [A] extends [B] ? ([B] extends [A] ? true : false) : false
const same = <A, B>(...differ: Equal<A, B> extends true ? [] : ['these types differ', A, B]): void => void differ

interface Points {
  userId: number
  amount: number
}
const givePoints = defineTask('give-points', (points: Points, context) => {
  same<typeof context, TaskContext>()
  same<typeof points, Points>()
})
const reindex = defineTask('reindex', () => {})
/** Takes what a form sends, hands on numbers. */
const schema: StandardSchema<{ amount: string }, { amount: number }> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => ({ value: { amount: Number((value as { amount: string }).amount) } }),
  },
}
const amounts: number[] = []
const checked = defineTask('checked', ({ amount }: { amount: number }) => void amounts.push(amount), { schema })

/** Only for the compiler: never called. */
export function typesOf(afterCommit: AfterCommit, client: PrismaClient): void {
  const prisma = afterCommit.watch(client)
  same<typeof prisma, PrismaClient>()
  const extended = client.$extends({ client: { hello: () => 'hello' }, model: { user: { answer: () => 42 } } })
  const watchedExtended = afterCommit.watch(extended)
  same<typeof watchedExtended, typeof extended>()
  same<typeof watchedExtended.user.answer, typeof extended.user.answer>()

  const count = prisma.$transaction((tx) => tx.user.count())
  same<Awaited<typeof count>, number>()
  const batch = prisma.$transaction([prisma.user.count(), prisma.user.findMany({ select: { email: true } })])
  same<Awaited<typeof batch>, [number, { email: string }[]]>()
  void prisma.$transaction(async (tx) => {
    const name = await tx.$transaction(async (inner) => (await inner.user.findFirstOrThrow()).name)
    same<typeof name, string>()
    afterCommit.for(tx)(givePoints, { userId: 1, amount: 10 })
    // @ts-expect-error the payload is checked through `for` as well
    afterCommit.for(tx)(givePoints, { userId: 1 })
    // @ts-expect-error Prisma takes `$extends` away from tx, and so does the watched client
    tx.$extends({})
  })

  same<ReturnType<typeof afterCommit<Points, Points>>, TaskHandle>()
  afterCommit((context) => same<typeof context, TaskContext>())
  afterCommit('named', ({ signal }) => same<typeof signal, AbortSignal>())
  afterCommit(givePoints, { userId: 1, amount: 10 })
  afterCommit(reindex)
  afterCommit(checked, { amount: '10' })

  // @ts-expect-error a property is missing
  afterCommit(givePoints, { userId: 1 })
  // @ts-expect-error a property has another type
  afterCommit(givePoints, { userId: '1', amount: 10 })
  // @ts-expect-error the payload is missing
  afterCommit(givePoints)
  // @ts-expect-error a task without a payload takes none
  afterCommit(reindex, { userId: 1 })
  // @ts-expect-error with a schema it is the schema's input that counts
  afterCommit(checked, { amount: 10 })
  // @ts-expect-error a name needs a function
  afterCommit('named')
  // @ts-expect-error not a client
  afterCommit.watch({})
  // @ts-expect-error no event of this name
  afterCommit.on('finished', () => {})
  afterCommit.on('failed', ({ task, error }) => {
    same<typeof task, TaskHandle>()
    same<typeof error, unknown>()
  })
  // @ts-expect-error an unknown option
  createAfterCommit({ concurency: 1 })
}

describe('Rule 13: types survive `watch`, and payloads are inferred', () => {
  forEachDatabase((db) => {
    beforeEach(() => db.reset())

    test('a watched extended client keeps what the extension added, in its type and in fact', async () => {
      const extended = sharedClient(db).$extends({ model: { user: { answer: () => 42 } } })
      const { afterCommit, task, ran } = watched(db)
      const prisma = afterCommit.watch(extended)
      const answer: number = await prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        task('a')
        return tx.user.answer() + (await nestedIn(tx, (inner) => Promise.resolve(inner.user.answer())))
      })
      assert.equal(answer, 84)
      assert.deepEqual(await db.query('SELECT "email" FROM "User"'), [{ email: 'a' }])
      await afterCommit.idle()
      assert.deepEqual(ran, ['a'])
    })

    test('a task with a schema takes the schema’s input and runs with its output', async () => {
      const { prisma, afterCommit, outcome } = watched(db)
      amounts.length = 0
      await prisma.$transaction(async (tx) => {
        await insert(tx, 'a')
        afterCommit(checked, { amount: '10' })
      })
      assert.deepEqual(await outcome(), { ran: [], rows: ['a'] })
      assert.deepEqual(amounts, [10])
    })
  })
})
