import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defineTask } from '../../src/index.js'
import { start } from '../support/recorders.js'

const take = defineTask('take', (_payload: unknown) => undefined)

/** What a task receives of a payload. */
async function received(payload: unknown): Promise<unknown> {
  const { afterCommit } = start()
  let got: unknown
  const { settled } = afterCommit(
    defineTask('keep', (given: unknown) => {
      got = given
    }),
    payload,
  )
  await settled
  return got
}

function cycle(): object {
  const person: { friend?: object } = {}
  person.friend = { friends: [person] }
  return person
}

const broken = new Error('toJSON throws')

describe('Payload', () => {
  for (const [what, payload, message] of [
    ['undefined', undefined, /`payload` is undefined/],
    ['a function', () => 1, /`payload` is a function/],
    ['a symbol', Symbol('s'), /`payload` is a symbol/],
    ['a BigInt', 10n, /`payload` is a bigint/],
    ['NaN', Number.NaN, /`payload` is NaN/],
    ['Infinity', { price: -Infinity }, /`payload.price` is -Infinity/],
    ['a cycle', cycle(), /circular|cycl/i],
    ['undefined in an array', { ids: [1, undefined] }, /`payload.ids\[1\]` is undefined/],
    ['a hole in an array', Object.assign([1], { length: 2 }), /`payload\[1\]` is undefined/],
    ['a nested BigInt', { order: { lines: [{ amount: 1n }] } }, /`payload.order.lines\[0\].amount` is a bigint/],
    ['a method', { send: () => 1 }, /`payload.send` is a function/],
    ['a symbol in it', { kind: Symbol('s') }, /`payload.kind` is a symbol/],
    ['a Map', { points: new Map([[1, 2]]) }, /`payload.points` is a Map/],
    ['a Set', new Set([1]), /`payload` is a Set/],
    ['a typed array', { bytes: new Uint8Array(2) }, /`payload.bytes` is a Uint8Array/],
    ['a RegExp', { pattern: /x/ }, /`payload.pattern` is a RegExp/],
    ['an Error', { error: broken }, /`payload.error` is a Error/],
    ['a Promise', { user: Promise.resolve(1) }, /`payload.user` is a Promise/],
    ['an invalid Date', { at: new Date('never') }, /`payload.at` is an invalid Date/],
    ['an invalid Date alone', new Date(Number.NaN), /`payload` is an invalid Date/],
    ['NUL in a text', { name: 'a\0b' }, /`payload.name` is .*NUL/],
    ['NUL in a name', { 'a\0b': 1 }, /NUL/],
    ['a boxed NaN', { price: new Number(Number.NaN) }, /`payload.price`/],
    [
      'a toJSON that throws',
      {
        toJSON: () => {
          throw broken
        },
      },
      /toJSON throws/,
    ],
    ['a toJSON that answers with nothing', { toJSON: () => undefined }, /`payload` is undefined/],
    [
      'a getter that throws',
      {
        get user() {
          throw broken
        },
      },
      /toJSON throws/,
    ],
  ] as const) {
    test(`${what} is refused at the registration, with the task's name`, () => {
      const { afterCommit } = start()
      assert.throws(
        () => afterCommit(take, payload),
        (error) => {
          assert.ok(error instanceof Error)
          assert.equal(error.name, 'PayloadError')
          assert.equal((error as Error & { code?: string }).code, 'ERR_PAYLOAD')
          assert.match(error.message, /The payload of `take`/)
          assert.match(error.message, message)
          return true
        },
      )
      assert.equal(afterCommit.stats().accepted, 0)
    })
  }

  test('the error of a toJSON is the cause', () => {
    const { afterCommit } = start()
    const payload = {
      toJSON: () => {
        throw broken
      },
    }
    assert.throws(() => afterCommit(take, payload), { cause: broken })
  })

  test('plain data arrives as it was given', async () => {
    for (const payload of [
      null,
      true,
      0,
      -1.5,
      '',
      'приве́т 🎉',
      [],
      {},
      [[1], { a: [null] }],
      { a: { b: { c: 'd' } } },
    ]) {
      assert.deepEqual(await received(payload), payload)
    }
  })

  test('what JSON gives back arrives: dates as text, properties that are undefined left out, toJSON used', async () => {
    const at = new Date('2026-02-28T12:00:00.500Z')
    assert.deepEqual(await received({ at, nothing: undefined }), { at: '2026-02-28T12:00:00.500Z' })
    assert.equal(await received(at), '2026-02-28T12:00:00.500Z')
    assert.deepEqual(await received({ money: { toJSON: () => '10.00 EUR' } }), { money: '10.00 EUR' })
    class Point {
      x = 2
      get double() {
        return this.x * 2
      }
    }
    assert.deepEqual(await received(new Point()), { x: 2 })
  })

  test('the same object twice is no cycle', async () => {
    const user = { id: 7 }
    assert.deepEqual(await received({ buyer: user, seller: user, both: [user, user] }), {
      buyer: user,
      seller: user,
      both: [user, user],
    })
  })

  test('half a surrogate pair survives', async () => {
    assert.equal(await received('a\ud83d'), 'a\ud83d')
  })

  test('a payload named __proto__ changes no prototype', async () => {
    const got = await received(JSON.parse('{ "__proto__": { "admin": true } }'))
    assert.equal((got as { admin?: boolean }).admin, undefined)
    assert.equal(Object.getPrototypeOf(got), Object.prototype)
  })

  test('a large payload arrives', async () => {
    const large = { text: 'x'.repeat(5_000_000) }
    assert.deepEqual(await received(large), large)
  })

  test('it is taken at the registration: what changes later is not seen', async () => {
    const { afterCommit } = start()
    const order = { lines: [1, 2] }
    let got: unknown
    const { settled } = afterCommit(
      defineTask('keep', (given: unknown) => {
        got = given
      }),
      order,
    )
    order.lines.push(3)
    await settled
    assert.deepEqual(got, { lines: [1, 2] })
  })

  test('each attempt gets a copy of its own', async () => {
    const { afterCommit, failures } = start({ retry: { retries: 2, minTimeout: 0 } })
    const got: string[] = []
    const spoil = defineTask('spoil', (order: { lines: number[] }) => {
      got.push(JSON.stringify(order))
      order.lines.push(got.length)
      throw new Error('boom')
    })
    await afterCommit(spoil, { lines: [] }).settled
    await afterCommit.idle()
    assert.deepEqual(got, ['{"lines":[]}', '{"lines":[]}', '{"lines":[]}'])
    assert.equal(failures.records[0]?.payload, '{"lines":[]}')
  })

  test('a task without a payload is registered without one', async () => {
    const { afterCommit, failures } = start({ retry: false })
    let given: unknown[] = []
    const sweep = defineTask('sweep', (...args) => {
      given = args
      throw new Error('boom')
    })
    await afterCommit(sweep).settled
    await afterCommit.idle()
    assert.equal(given[0], undefined)
    assert.equal(failures.records[0]?.payload, '')
  })
})
