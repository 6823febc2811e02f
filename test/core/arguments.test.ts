import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type AfterCommit, createAfterCommit, defineTask, type PrismaLike, prismaFailureLog } from '../../src/index.js'
import { forEachDatabase } from '../support/databases.js'
import { start } from '../support/recorders.js'

const nothing = () => undefined
function notifySeller() {}

/** Calls it as a program in plain JavaScript may. */
function call(afterCommit: AfterCommit, ...args: unknown[]): unknown {
  return (afterCommit as unknown as (...args: unknown[]) => unknown)(...args)
}

describe('Arguments', () => {
  for (const [what, args, message] of [
    ['nothing', [], /`task` to be a function, a name or a defined task, got `undefined` \(undefined\)$/],
    ['null', [null], /`task`.*got `null` \(object\)$/],
    ['a number', [7], /`task`.*got `7` \(number\)$/],
    ['a promise, that is work already begun', [Promise.resolve()], /`task`.*got `\[object Promise\]` \(object\)$/],
    ['an object with a run', [{ run: nothing }], /`task`.*\(object\)$/],
    ['an empty name', ['', nothing], /`task`.*got `` \(string\)$/],
    ['a name alone', ['name'], /`run` to be a function, got `undefined` \(undefined\)$/],
    ['a name with the result of a call', ['name', 7], /`run` to be a function, got `7` \(number\)$/],
    ['a name with a defined task', ['name', defineTask('task', nothing)], /`run` to be a function/],
  ] as const) {
    test(`a registration of ${what} is refused, in a transaction's callback and outside`, () => {
      const { afterCommit } = start()
      assert.throws(() => call(afterCommit, ...args), { code: 'ERR_OPTIONS', message })
      assert.equal(afterCommit.stats().accepted, 0)
    })
  }

  test('a closure is named after its function, and an unnamed one is anonymous', () => {
    const { afterCommit } = start()
    assert.equal(afterCommit(notifySeller).name, 'notifySeller')
    assert.equal(afterCommit(() => undefined).name, 'anonymous')
    assert.equal(afterCommit('notify', notifySeller).name, 'notify')
  })

  for (const name of ['', 7, null, undefined, Symbol('name')]) {
    test(`defineTask refuses the name ${JSON.stringify(name) ?? String(name)}`, () => {
      assert.throws(() => defineTask(name as string, nothing), {
        code: 'ERR_OPTIONS',
        message: /Expected `name` to be a non-empty string/,
      })
    })
  }

  test('defineTask refuses what is not a function', () => {
    const notAFunction = 'send' as unknown as () => void
    assert.throws(() => defineTask('task', notAFunction), {
      code: 'ERR_OPTIONS',
      message: 'Expected `run` to be a function, got `send` (string)',
    })
  })

  for (const [what, client, missing] of [
    ['null', null, '$transaction'],
    ['undefined', undefined, '$transaction'],
    ['an object that is no client', {}, '$transaction'],
    ['a client without $transaction', { $extends: nothing }, '$transaction'],
    ['a client without $extends, which a transaction client is', { $transaction: nothing }, '$extends'],
  ] as const) {
    test(`watch refuses ${what}`, () => {
      const { afterCommit } = start()
      assert.throws(() => afterCommit.watch(client as PrismaLike), {
        code: 'ERR_OPTIONS',
        message: new RegExp(`^Expected \`client\` to be a Prisma client \\(it has no \`\\${missing}\`\\), got `),
      })
    })
  }

  for (const tx of [
    null,
    undefined,
    {},
    'tx',
    7,
    { $transaction: nothing },
    { $transaction: nothing, $extends: nothing },
  ]) {
    test(`for() refuses ${tx === undefined ? 'undefined' : JSON.stringify(tx)}${typeof tx === 'object' && tx ? Object.keys(tx).join() : ''}`, () => {
      const { afterCommit } = start()
      assert.throws(() => afterCommit.for(tx as object), {
        code: 'ERR_OPTIONS',
        message: /^Expected `tx` to be a transaction client/,
      })
    })
  }

  test('a requestId that answers with a number is taken as its text', async () => {
    const { afterCommit, failures } = start({ requestId: (() => 7) as unknown as () => string, retry: false })
    const task = afterCommit(() => Promise.reject(new Error('boom')))
    await task.settled
    await afterCommit.idle()
    assert.equal(failures.records[0]?.requestId, '7')
  })

  forEachDatabase(
    (db) => {
      test('for() refuses a tx of a client that nobody watches, or that another instance watches', async () => {
        const { afterCommit } = start()
        const other = start().afterCommit
        const client = db.newClient()
        const watched = other.watch(client)
        const refusal = { code: 'ERR_OPTIONS', message: /`watch`/ }
        await client.$transaction((tx) => {
          assert.throws(() => afterCommit.for(tx), refusal)
          return Promise.resolve()
        })
        await watched.$transaction((tx) => {
          assert.throws(() => afterCommit.for(tx), refusal)
          assert.doesNotThrow(() => other.for(tx))
          return Promise.resolve()
        })
        assert.throws(() => afterCommit.for(client), refusal)
      })

      test('watch refuses the transaction client itself', async () => {
        const { afterCommit } = start()
        const prisma = afterCommit.watch(db.newClient())
        await prisma.$transaction((tx) => {
          assert.throws(() => afterCommit.watch(tx as unknown as PrismaLike), { code: 'ERR_OPTIONS' })
          return Promise.resolve()
        })
      })

      test('a failure log whose client has no model TaskFailure says so at the start, with the model to paste', async () => {
        const { afterCommit, log } = start({ failureLog: prismaFailureLog(() => ({})) })
        afterCommit.watch(db.newClient())
        await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
        assert.match(log.at('error')[0]?.message ?? '', /no model TaskFailure[^]*model TaskFailure \{[^]*@@index/)
      })
    },
    { only: ['sqlite'] },
  )

  test('an instance without options works', async (t) => {
    const warn = t.mock.method(console, 'warn', () => undefined)
    const afterCommit = createAfterCommit()
    assert.equal((await afterCommit(nothing).settled).status, 'succeeded')
    assert.match(String(warn.mock.calls[0]?.arguments[0]), /watches no client/)
    assert.equal(warn.mock.callCount(), 1)
  })
})
