import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type DefinedTask, defineTask, type StandardSchema } from '../../src/index.js'
import { start } from '../support/recorders.js'

interface Points {
  readonly user: number
}

/** A Standard Schema by hand: takes the number of a user as text, makes a number of it. */
const userSchema: StandardSchema<{ user: string }, Points> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate(value) {
      const { user } = (value ?? {}) as { user?: unknown }
      if (typeof user !== 'string')
        return { issues: [{ message: 'expected a text', path: ['user'] }, { message: 'no' }] }
      return { value: { user: Number(user) } }
    },
  },
}

describe('Schema of a payload', () => {
  test('what it makes of the payload is what the task receives', async () => {
    const { afterCommit } = start()
    let got: Points | undefined
    const earn = defineTask<Points, { user: string }>(
      'earn',
      (points) => {
        got = points
      },
      { schema: userSchema },
    )
    await afterCommit(earn, { user: '7' }).settled
    assert.deepEqual(got, { user: 7 })
  })

  test('what does not fit is refused at the registration, with all issues and their paths', () => {
    const { afterCommit } = start()
    const earn = defineTask<Points, { user: string }>('earn', () => undefined, { schema: userSchema })
    const wrong = { user: 7 } as unknown as { user: string }
    assert.throws(() => afterCommit(earn, wrong), {
      code: 'ERR_PAYLOAD',
      message: 'The payload of `earn` does not fit its schema: user: expected a text; no',
    })
    const without = earn as unknown as DefinedTask<void, unknown>
    assert.throws(() => afterCommit(without), { code: 'ERR_PAYLOAD' }, 'a payload left out does not fit either')
    assert.equal(afterCommit.stats().accepted, 0)
  })

  test('what it makes of the payload must be JSON as well', () => {
    const { afterCommit } = start()
    const schema: StandardSchema<number, Map<string, number>> = {
      '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: new Map([['n', Number(value)]]) }) },
    }
    assert.throws(
      () =>
        afterCommit(
          defineTask('count', () => undefined, { schema }),
          7,
        ),
      /`payload` is a Map/,
    )
  })

  for (const [how, answer] of [
    ['resolves', () => Promise.resolve({ value: 1 })],
    ['rejects', () => Promise.reject(new Error('no connection'))],
  ] as const) {
    test(`an asynchronous one that ${how} is refused`, () => {
      const { afterCommit } = start()
      const schema: StandardSchema<number, number> = { '~standard': { version: 1, vendor: 'test', validate: answer } }
      const task = defineTask('count', () => undefined, { schema })
      assert.throws(() => afterCommit(task, 7), { code: 'ERR_PAYLOAD', message: /schema of `count` is asynchronous/ })
    })
  }

  test('paths may be of segments with a key', () => {
    const { afterCommit } = start()
    const path = ['order', { key: 'lines' }, 0]
    const schema: StandardSchema<number, number> = {
      '~standard': { version: 1, vendor: 'test', validate: () => ({ issues: [{ message: 'too many', path }] }) },
    }
    const task = defineTask('count', () => undefined, { schema })
    assert.throws(() => afterCommit(task, 7), { message: /order\.lines\.0: too many/ })
  })
})
