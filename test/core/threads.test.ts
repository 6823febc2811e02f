import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defineTask, type TaskContext, type Threads } from '../../src/index.js'
import { start } from '../support/recorders.js'
import { deferred, until } from '../support/wait.js'

const module = new URL('file:///tasks/resize.js')

interface Resize {
  readonly photo: string
}

const resize = defineTask<Resize>('resize', module, { thread: true })

/** Threads in which everything takes until `end` is settled, and what they were told. */
function recordingThreads() {
  const end = deferred()
  const calls: (readonly [module: string, payload: string, context: TaskContext])[] = []
  const closed: string[] = []
  const threads: Threads = {
    size: 2,
    open: ({ abortGrace }) => ({
      run: async ({ href }, payload, context) => {
        calls.push([href, payload, context])
        await end.promise
      },
      close: async () => void closed.push(`after ${abortGrace} ms`),
    }),
  }
  return { threads, end, calls, closed }
}

describe('The option `threads`', () => {
  test('runs the tasks that are defined with `thread: true`: the module, the payload as JSON, the context', async () => {
    const { threads, end, calls } = recordingThreads()
    const { afterCommit } = start({ threads })
    const handle = afterCommit(resize, { photo: 'a.jpg' })
    await until(() => calls.length === 1)
    const [[href, payload, context] = []] = calls
    assert.deepEqual([href, payload], ['file:///tasks/resize.js', '{"photo":"a.jpg"}'])
    assert.deepEqual([context?.id, context?.attempt], [handle.id, 1])
    assert.equal(handle.state, 'running')
    end.resolve()
    assert.deepEqual(await handle.settled, { status: 'succeeded', attempts: 1 })
  })

  test('what waits for a thread holds no slot of another queue, and has the bound of the instance', async () => {
    const { threads, end, calls } = recordingThreads()
    const { afterCommit } = start({ threads, concurrency: 1, maxPending: 3 })
    const handles = Array.from({ length: 4 }, () => afterCommit(resize, { photo: 'a.jpg' }))
    await until(() => calls.length === 2)
    assert.equal((await afterCommit('elsewhere', () => undefined).settled).status, 'succeeded')
    assert.deepEqual(
      handles.map(({ state }) => state),
      ['running', 'running', 'waiting', 'rejected'],
    )
    end.resolve()
    await afterCommit.idle()
    assert.equal(calls.length, 3)
  })

  test('a failed attempt is retried, and an attempt that is timed out is left to the threads to end', async () => {
    const { threads, end, calls } = recordingThreads()
    const { afterCommit } = start({ threads, timeout: 20, abortGrace: 0, retry: false })
    const handle = afterCommit(resize, { photo: 'a.jpg' })
    const later = afterCommit('abandoned after abortGrace', () => new Promise(() => undefined))
    assert.equal((await later.settled).status, 'failed')
    assert.equal(calls[0]?.[2].signal.aborted, true)
    assert.equal(handle.state, 'running')
    end.reject(new Error('the thread was ended'))
    const { status, error } = await handle.settled
    assert.deepEqual([status, error instanceof Error && error.name], ['failed', 'TimeoutError'])
    assert.equal(afterCommit.stats().abandoned, 1) // the later one
  })

  test('close() ends them, after it has interrupted what runs', async () => {
    const { threads, calls, closed } = recordingThreads()
    const { afterCommit } = start({ threads, abortGrace: 7 })
    const handle = afterCommit(resize, { photo: 'a.jpg' })
    await until(() => calls.length === 1)
    const report = await afterCommit.close({ grace: 0 })
    assert.deepEqual([handle.state, report.interrupted, closed], ['interrupted', 1, ['after 7 ms']])
    assert.equal(calls[0]?.[2].signal.aborted, true)
  })

  test('without it a task for a thread is refused, at construction or at its registration', () => {
    const refusal = { code: 'ERR_OPTIONS', message: /^The task `resize` runs in a thread, and this instance has none/ }
    assert.throws(() => start({ tasks: [resize] }), refusal)
    const { afterCommit } = start()
    assert.throws(() => afterCommit(resize, { photo: 'a.jpg' }), refusal)
    assert.equal(afterCommit.stats().accepted, 0)
  })

  test('`thread: true` comes with the file: URL of a module, and without a queue', () => {
    const message = /Expected `run` to be the file: URL of a module, because of `thread: true`, got/
    for (const run of [() => undefined, new URL('https://example.com/resize.js')]) {
      assert.throws(() => defineTask('resize', run, { thread: true }), { code: 'ERR_OPTIONS', message })
    }
    assert.throws(() => defineTask('resize', module), /Expected `run` to be a function/)
    assert.throws(
      () => defineTask('resize', module, { thread: true, queue: 'slow' }),
      /Expected `queue` to be left out/,
    )
    assert.throws(() => defineTask('resize', module, { thread: 'yes' as never }), /Expected `thread` to be a boolean/)
    assert.throws(() => resize.run({ photo: 'a.jpg' }, {} as never), /register it, or call the `run`/)
  })
})
