import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { forEachDatabase } from '../support/databases.js'
import { watched } from '../support/watched.js'

/** The names of what is printed of an object. */
const printed = (object: object): string[] =>
  inspect(object, { depth: 0 })
    .split('\n')
    .map((line) => line.trim().split(':')[0] ?? '')

describe('What is left of a transaction', () => {
  forEachDatabase((db) => {
    test('an error made in it keeps its client alive no longer: Prisma makes one for each query', async () => {
      setFlagsFromString('--expose-gc')
      const collect = runInNewContext('gc') as () => void
      const { prisma, afterCommit } = watched(db)
      const errors: Error[] = []
      const clients: WeakRef<object>[] = []
      for (let n = 0; n < 3; n++) {
        await prisma.$transaction(async (tx) => {
          clients.push(new WeakRef(tx))
          errors.push(new Error('kept'))
          afterCommit('task', () => undefined)
        })
      }
      await afterCommit.idle()
      for (let n = 0; n < 4; n++) {
        collect()
        await new Promise((resolve) => setImmediate(resolve))
      }
      // The last one may still be in a register of a function that is under way.
      assert.deepEqual(
        clients.slice(0, 2).map((client) => client.deref()),
        [undefined, undefined],
      )
      assert.equal(errors.length, 3)
    })

    test('`tx` is printed as Prisma prints it, when it is over, too', async () => {
      const { prisma } = watched(db)
      const [ended, during] = await prisma.$transaction(async (tx) => [tx, printed(tx)] as const)
      assert.deepEqual(printed(ended), during)
      assert.ok(during.includes("'$queryRaw'"))
    })
  })
})
