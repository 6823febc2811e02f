import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createAfterCommit } from '../../src/index.js'
import { deferred, until } from '../support/wait.js'
import { recordingLogger, start } from '../support/recorders.js'

async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await turn()
}

/** An instance that has used all of its five slots at once. */
async function used() {
  const { afterCommit } = start({ concurrency: 5 })
  const finish = deferred()
  for (let n = 0; n < 5; n++) afterCommit(() => finish.promise)
  await until(() => afterCommit.stats().running === 5)
  finish.resolve()
  await afterCommit.idle()
  return afterCommit
}

describe('Slots that have found no task', () => {
  test('are taken up again, all of them', async () => {
    const afterCommit = await used()
    const finish = deferred()
    for (let n = 0; n < 7; n++) afterCommit(() => finish.promise)
    await turns(5)
    assert.equal(afterCommit.stats().running, 5)
    finish.resolve()
    await afterCommit.idle()
    assert.equal(afterCommit.stats().succeeded, 12)
  })

  test('are given back where the concurrency is lowered, and are there again where it is raised', async () => {
    const afterCommit = await used()
    afterCommit.queue().concurrency = 1
    const finish = deferred()
    for (let n = 0; n < 7; n++) afterCommit(() => finish.promise)
    await turns(5)
    assert.equal(afterCommit.stats().running, 1)
    afterCommit.queue().concurrency = 3
    await turns(5)
    assert.equal(afterCommit.stats().running, 3)
    finish.resolve()
    await afterCommit.idle()
    assert.equal(afterCommit.stats().succeeded, 12)
  })

  test('begin nothing while the queue is paused, and all of it when it is started', async () => {
    const afterCommit = await used()
    const finish = deferred()
    afterCommit.queue().pause()
    for (let n = 0; n < 7; n++) afterCommit(() => finish.promise)
    await turns(5)
    assert.equal(afterCommit.stats().running, 0)
    afterCommit.queue().start()
    await turns(5)
    assert.equal(afterCommit.stats().running, 5)
    finish.resolve()
    await afterCommit.idle()
  })

  test('keep nothing alive of the request that was the first to need them', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const storage = new AsyncLocalStorage<object>()
    const afterCommit = createAfterCommit({ logger: recordingLogger(), retry: false })
    const request = (): WeakRef<object> => {
      const store = {}
      storage.run(store, () => void afterCommit('task', async () => await turn()))
      return new WeakRef(store)
    }
    const first = request()
    await afterCommit.idle()
    await until(() => {
      collect()
      return first.deref() === undefined
    })
    await afterCommit('another', () => undefined).settled
    assert.equal(afterCommit.stats().succeeded, 2)
  })
})
