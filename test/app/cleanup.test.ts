import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { describe, it } from 'node:test'
import { Cleanup } from '../../src/app/demo/cleanup.js'

describe('the cleanup of a command', () => {
  it('undoes the last thing first, and each once, also when one fails', async (t) => {
    const error = t.mock.method(console, 'error', () => {})
    const undone: string[] = []
    const cleanup = new Cleanup()
    cleanup.add(() => undone.push('folder'))
    cleanup.add(() => Promise.reject(new Error('the database is gone')))
    cleanup.add(() => undone.push('process'))
    await cleanup.run()
    await cleanup.run()
    assert.deepEqual(undone, ['process', 'folder'])
    assert.deepEqual(
      error.mock.calls.map(({ arguments: [text] }) => text as string),
      ['Cleaning up: the database is gone'],
    )
  })

  it('is over for every caller only when everything is undone: the first to come back may end the process', async () => {
    const process = new EventEmitter()
    const ended = once(process, 'exit')
    const undone: string[] = []
    const cleanup = new Cleanup()
    cleanup.add(() => undone.push('folder'))
    cleanup.add(() => ended)
    const both = ['interrupted', 'finished'].map(async (caller) => {
      await cleanup.run()
      undone.push(caller)
    })
    await new Promise(setImmediate)
    assert.deepEqual(undone, [])
    process.emit('exit')
    await Promise.all(both)
    assert.deepEqual(undone, ['folder', 'interrupted', 'finished'])
  })
})
