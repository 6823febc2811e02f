import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  AfterCommitError,
  type AfterCommitOptions,
  createAfterCommit,
  defineTask,
  type DefineTaskOptions,
} from '../../src/index.js'
import { recordingLogger, start } from '../support/recorders.js'

const incompleteLogger = { ...recordingLogger(), fatal: undefined }
const nothing = () => undefined
const task = defineTask('twice', () => undefined)

/** Option, expected, and what is wrong with it. */
const wrong: readonly [name: string, expected: RegExp, values: readonly unknown[]][] = [
  ['concurrency', /an integer from 1 and up/, [0, -1, 1.5, Number.NaN, Infinity, '10', null, 10n]],
  ['maxPending', /an integer from 1 and up/, [0, -1, 1.5, Number.NaN, Infinity, '1000', null]],
  ['overflow', /one of 'record', 'refuse'.*'drop-newest', 'drop-oldest'/, ['block', '', true, null, ['record']]],
  ['retry', /false or an object/, [true, 3, '3', null]],
  ['retry.retries', /an integer from 0 and up/, [-1, 1.5, Number.NaN, '3', null]],
  ['retry.minTimeout', /a number from 0/, [-1, Number.NaN, 2 ** 31, '200', null]],
  ['retry.factor', /a positive number/, [0, -1, Number.NaN, Infinity, '2', null]],
  ['retry.maxTimeout', /a number from 0/, [-1, Number.NaN, 2 ** 31, '200', null]],
  ['retry.randomize', /a boolean/, [0, 'true', null]],
  ['timeout', /a number from 1 .*Infinity/, [0, -1, Number.NaN, 2 ** 31, '30s', null, false]],
  ['abortGrace', /a number from 0/, [-1, Number.NaN, 2 ** 31, Infinity, '1s', null]],
  ['outsideTransaction', /one of 'run', 'warn', 'throw', 'discard'/, ['ignore', '', null, true]],
  ['failureLog', /check\(\), write\(\), list\(\)/, [{}, 'table', null, () => undefined, { write: () => undefined }]],
  ['logger', /debug\(\), info\(\), warn\(\), error\(\), fatal\(\)/, [incompleteLogger, 'console', null, {}]],
  ['requestId', /a function/, ['7', 7, null, {}]],
  ['threads', /made by workerThreads\(\)/, [{ size: 2 }, 2, null, true]],
  ['context', /run\(\), get\(\), capture\(\)/, [{}, null, 'als', { run: nothing, get: nothing }]],
  ['tasks', /an array of defined tasks/, [task, {}, [() => undefined], [null], ['twice'], null]],
]

const taskOptions = new Set(['retry', 'timeout', 'overflow'])

/** `retry.retries` and 3 as `{ retry: { retries: 3 } }`. */
function option(path: string, value: unknown): AfterCommitOptions {
  const [name = '', inner] = path.split('.')
  return { [name]: inner === undefined ? value : { [inner]: value } }
}

describe('Options', () => {
  for (const [name, expected, values] of wrong) {
    test(`a wrong value of \`${name}\` is refused, and the message says what is expected`, () => {
      for (const value of values) {
        const refusal = (thrown: unknown): boolean => {
          assert.ok(thrown instanceof AfterCommitError, `${String(value)}: ${String(thrown)}`)
          assert.equal(thrown.code, 'ERR_OPTIONS')
          assert.ok(thrown.message.startsWith(`Expected \`${name}\` to be `), thrown.message)
          assert.match(thrown.message, expected)
          assert.ok(thrown.message.endsWith(`(${typeof value})`), thrown.message)
          return true
        }
        assert.throws(() => createAfterCommit(option(name, value)), refusal)
        if (!taskOptions.has(name.split('.')[0] ?? '')) continue
        const forTask = option(name, value) as DefineTaskOptions<void, void>
        assert.throws(() => defineTask('task', nothing, forTask), refusal)
      }
    })
  }

  test('a message shows what came', () => {
    assert.throws(() => createAfterCommit({ concurrency: 0 }), {
      name: 'OptionsError',
      message: 'Expected `concurrency` to be an integer from 1 and up, got `0` (number)',
    })
    const many = ['record', 'refuse'] as unknown as 'record'
    assert.throws(() => createAfterCommit({ overflow: many }), /got `array of 2` \(object\)$/)
  })

  for (const [given, meant] of [
    ['concurency', 'concurrency'],
    ['maxpending', 'maxPending'],
    ['retries', 'retry'],
    ['onOverflow', 'overflow'],
    ['timeOut', 'timeout'],
    ['failurelog', 'failureLog'],
    ['requestID', 'requestId'],
    ['outsideTransactions', 'outsideTransaction'],
  ] as const) {
    test(`refuses the unknown option \`${given}\` and suggests \`${meant}\``, () => {
      assert.throws(() => createAfterCommit({ [given]: 1 }), {
        code: 'ERR_OPTIONS',
        message: `Unknown option \`${given}\`. Did you mean \`${meant}\`?`,
      })
    })
  }

  test('refuses an unknown retry option, and one of a task', () => {
    const unknown = {
      code: 'ERR_OPTIONS',
      message: 'Unknown option `retry.minTimeOut`. Did you mean `retry.minTimeout`?',
    }
    const retry = { minTimeOut: 10 } as object
    assert.throws(() => createAfterCommit({ retry }), unknown)
    assert.throws(() => defineTask('task', () => undefined, { retry }), unknown)
    const ofInstance = { concurrency: 1 } as object
    assert.throws(() => defineTask('task', () => undefined, ofInstance), /Unknown option `concurrency`/)
  })

  for (const name of ['constructor', 'toString', 'hasOwnProperty', '__proto__']) {
    test(`refuses the option \`${name}\` like any unknown one`, () => {
      const options = JSON.parse(`{ "${name}": 1 }`) as object
      assert.throws(() => createAfterCommit(options), { code: 'ERR_OPTIONS' })
      assert.throws(() => createAfterCommit({ retry: options }), { code: 'ERR_OPTIONS' })
    })
  }

  for (const options of [null, 'fast', 7, true, () => undefined]) {
    test(`refuses ${String(options)} in place of the options`, () => {
      const given = options as unknown as AfterCommitOptions
      assert.throws(() => createAfterCommit(given), /^OptionsError: Expected `options` to be an object/)
    })
  }

  for (const schema of [null, {}, 'zod', { '~standard': {} }]) {
    test(`refuses ${JSON.stringify(schema)} as the schema of a task`, () => {
      const options = { schema } as unknown as DefineTaskOptions<void, void>
      assert.throws(() => defineTask('task', () => undefined, options), { code: 'ERR_OPTIONS', message: /`schema`/ })
    })
  }

  test('refuses two defined tasks of the same name', () => {
    assert.throws(() => createAfterCommit({ tasks: [task, defineTask('twice', () => undefined)] }), {
      code: 'ERR_OPTIONS',
      message: /`tasks`.*different names.*twice/,
    })
  })

  test('an option that is undefined is one that is not there', async () => {
    const options = Object.fromEntries(wrong.map(([name]) => [name.split('.')[0], undefined])) as AfterCommitOptions
    const { log } = start()
    const afterCommit = createAfterCommit({ ...options, logger: log, retry: { retries: undefined } as object })
    assert.equal((await afterCommit(() => undefined).settled).status, 'succeeded')
  })

  test('the values at the edges are accepted', () => {
    const retry = { retries: 0, minTimeout: 0, factor: 0.5, maxTimeout: 2 ** 31 - 1, randomize: false }
    createAfterCommit({ concurrency: 1, maxPending: 1, timeout: 1, abortGrace: 0, retry, tasks: [] })
    createAfterCommit({ timeout: Infinity, abortGrace: 2 ** 31 - 1, retry: false })
  })
})
