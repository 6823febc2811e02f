import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs, { statSync } from 'node:fs'
import { appendFile, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { fileFailureLog } from '../../src/failure-logs/index.js'
import { createAfterCommit, defineTask } from '../../src/index.js'
import { record } from './record.js'

const all = { order: 'oldest', limit: 100_000 } as const
const ids = async (path: string) => (await fileFailureLog(path).list(all)).map(({ id }) => id).toSorted()

describe('fileFailureLog', () => {
  const folders: string[] = []
  after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))))
  const newFile = async () => {
    const folder = await mkdtemp(join(tmpdir(), 'after-commit-failures-'))
    folders.push(folder)
    return { folder, path: join(folder, 'failures.ndjson') }
  }

  test('has one line of JSON for each failure and each change of a status', async () => {
    const { path } = await newFile()
    const log = fileFailureLog(path)
    const [first, second] = [record(), record()]
    await log.write([first, second])
    await log.transition(first.id, ['failed'], 'retried')
    await log.transition(first.id, ['failed'], 'retried')
    const lines = (await readFile(path, 'utf8')).split('\n')
    assert.equal(lines.pop(), '')
    assert.deepEqual(
      lines.map((line) => JSON.parse(line) as unknown),
      [
        JSON.parse(JSON.stringify(first)) as unknown,
        JSON.parse(JSON.stringify(second)) as unknown,
        { id: first.id, status: 'retried' },
      ],
    )
  })

  test('has on the disk what it says that it has stored', async (t) => {
    const { path } = await newFile()
    const flushed: string[] = []
    const { fdatasync } = fs
    const { mock } = t.mock.method(fs, 'fdatasync', (descriptor: number, done: fs.NoParamCallback) =>
      fdatasync(descriptor, (error) => {
        flushed.push(fs.readFileSync(path, 'utf8'))
        done(error)
      }),
    )
    syncBuiltinESMExports()
    t.after(() => {
      mock.restore()
      syncBuiltinESMExports()
    })
    const log = fileFailureLog(path)
    const one = record()
    await log.write([one])
    await log.transition(one.id, ['failed'], 'resolved')
    await log.transition(one.id, ['failed'], 'retried')
    await log.purge({ before: new Date(), status: ['resolved'], limit: 10 })
    const line = `${JSON.stringify(one)}\n`
    const resolved = `${line}${JSON.stringify({ id: one.id, status: 'resolved' })}\n`
    assert.deepEqual(flushed, [line, resolved, `${resolved}${JSON.stringify({ id: one.id, status: 'purged' })}\n`])
  })

  test('begins the next file before one exceeds `maxBytes`, and keeps `keep` of the full ones', async () => {
    const { folder, path } = await newFile()
    const log = fileFailureLog(path, { maxBytes: 5_000, keep: 3 })
    const records = Array.from({ length: 100 }, () => record())
    for (let n = 0; n < 100; n += 20) await log.write(records.slice(n, n + 20))
    const names = (await readdir(folder)).toSorted()
    assert.equal(names.length, 4)
    for (const name of names) assert.ok((await stat(join(folder, name))).size <= 5_000, name)

    const kept = await log.list(all)
    assert.ok(kept.length > 20 && kept.length < 60)
    const newest = records.slice(-kept.length).map(({ id }) => id)
    assert.deepEqual(kept.map(({ id }) => id).toSorted(), newest.toSorted())
    assert.deepEqual(await ids(path), newest.toSorted(), 'another instance reads the same')
  })

  test('knows a status that is in another file than its failure', async () => {
    const { path } = await newFile()
    const log = fileFailureLog(path, { maxBytes: 1_000 })
    const records = Array.from({ length: 10 }, () => record())
    await log.write(records)
    for (const { id } of records) assert.equal(await log.transition(id, ['failed'], 'resolved'), true)
    const statuses = (await fileFailureLog(path).list(all)).map(({ status }) => status)
    assert.deepEqual(new Set(statuses), new Set(['resolved']))
  })

  test('a record that is longer than `maxBytes` has a file of its own', async () => {
    const { path } = await newFile()
    const log = fileFailureLog(path, { maxBytes: 100 })
    const records = [record(), record(), record()]
    await log.write(records)
    assert.deepEqual(await ids(path), records.map(({ id }) => id).toSorted())
    assert.deepEqual((await readFile(path, 'utf8')).split('\n').length, 2)
  })

  test('wherever the last line is torn, the lines before it are read and the ones after it are written', async () => {
    const { path } = await newFile()
    const [first, torn, next] = [record(), record({ errorMessage: '🎉' }), record()]
    await fileFailureLog(path).write([first])
    const { size } = await stat(path)
    await fileFailureLog(path).write([torn])
    const whole = await readFile(path)
    for (let length = size; length < whole.length; length++) {
      await writeFile(path, whole)
      await truncate(path, length)
      const log = fileFailureLog(path)
      const read = (await log.list(all)).map(({ id }) => id)
      // All but the end of the line: that is a whole record.
      assert.deepEqual(read.toSorted(), (length === whole.length - 1 ? [first.id, torn.id] : [first.id]).toSorted())
      await log.write([next])
      assert.deepEqual(await ids(path), [...read, next.id].toSorted())
    }
  })

  test('lines that are no failures are passed over', async () => {
    const { path } = await newFile()
    const [first, second] = [record(), record()]
    await fileFailureLog(path).write([first])
    await appendFile(path, '\0\0\0\nnull\n7\n[]\n{}\n"text"\n\n{"id":7}\n')
    await fileFailureLog(path).write([second])
    assert.deepEqual(await ids(path), [first.id, second.id].toSorted())
  })

  test('a writer that is killed in the middle of a line loses that line alone', async () => {
    const child = fileURLToPath(new URL('file.child.ts', import.meta.url))
    for (let attempt = 1; ; attempt++) {
      const { path } = await newFile()
      const before = [record(), record()]
      await fileFailureLog(path).write(before)
      const { size } = statSync(path)
      const writer = spawn(process.execPath, ['--conditions=source', '--import', 'tsx', child, path])
      const exited = once(writer, 'exit')
      // It writes one very long line: what is there when it has begun is a part of it.
      while ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) <= size) await new Promise(setImmediate)
      writer.kill('SIGKILL')
      await exited
      const text = await readFile(path)
      if (text.at(-1) === 10 && attempt < 20) continue // it was faster

      assert.notEqual(text.at(-1), 10, 'the line is torn')
      const last = record()
      const log = fileFailureLog(path, { maxBytes: 5e8 })
      assert.deepEqual((await log.list(all)).map(({ id }) => id).toSorted(), before.map(({ id }) => id).toSorted())
      await log.write([last])
      assert.deepEqual(await ids(path), [...before, last].map(({ id }) => id).toSorted())
      return
    }
  })

  test('several instances in one process share a file, through its rotation', async () => {
    const { path } = await newFile()
    const logs = Array.from({ length: 4 }, () => fileFailureLog(path, { maxBytes: 4_000, keep: 100 }))
    const records = Array.from({ length: 200 }, () => record())
    await Promise.all(records.map(async (one, n) => await logs[n % 4]?.write([one])))
    const answers = await Promise.all(
      records.flatMap(({ id }) => logs.map((log) => log.transition(id, ['failed'], 'retried'))),
    )
    assert.equal(answers.filter(Boolean).length, 200)
    for (const log of logs) {
      const rows = await log.list({ ...all, status: ['retried'] })
      assert.deepEqual(rows.map(({ id }) => id).toSorted(), records.map(({ id }) => id).toSorted())
    }
  })

  test('what is purged is not in the files any more, and stays away', async () => {
    const { folder, path } = await newFile()
    const log = fileFailureLog(path, { maxBytes: 3_000, keep: 100 })
    const other = fileFailureLog(path, { maxBytes: 3_000, keep: 100 })
    const old = Array.from({ length: 50 }, (_, n) => record({ payload: '"secret"', recordedAt: new Date(n) }))
    const young = Array.from({ length: 10 }, () => record({ recordedAt: new Date(1_000) }))
    await other.write([...old, ...young])
    const { failures } = createAfterCommit({ failureLog: log })
    assert.equal(await failures.purge({ before: new Date(100), status: 'failed', limit: 7 }), 50)
    for (const name of await readdir(folder)) {
      assert.doesNotMatch(await readFile(join(folder, name), 'utf8'), /secret/)
    }
    const expected = young.map(({ id }) => id).toSorted()
    for (const one of [log, other]) {
      assert.deepEqual((await one.list(all)).map(({ id }) => id).toSorted(), expected)
    }
    assert.deepEqual(await ids(path), expected)
  })

  test('failures are written and purged while a purge rewrites the files', async () => {
    const { path } = await newFile()
    const log = fileFailureLog(path, { maxBytes: 3_000, keep: 100 })
    const other = fileFailureLog(path, { maxBytes: 3_000, keep: 100 })
    await log.write(Array.from({ length: 100 }, () => record({ recordedAt: new Date(1) })))
    const written: string[] = []
    const purged = new AbortController()
    const writing = (async () => {
      const writes: Promise<void>[] = []
      while (!purged.signal.aborted) {
        const one = record({ recordedAt: new Date(1_000) })
        written.push(one.id)
        writes.push(other.write([one])) // in every turn of the event loop, however long the disk takes
        await new Promise(setImmediate)
      }
      await Promise.all(writes)
    })()
    const query = { before: new Date(10), status: ['failed'], limit: 1_000 } as const
    assert.equal(await log.purge(query), 100)
    purged.abort()
    await writing
    assert.ok(written.length > 5)
    assert.deepEqual(await ids(path), written.toSorted())
  })

  test('a file that cannot be written is an error at the start, and keeps nothing from being written later', async () => {
    const { folder } = await newFile()
    const path = join(folder, 'no-folder-yet')
    await writeFile(path, '')
    const log = fileFailureLog(join(path, 'failures.ndjson'))
    await assert.rejects(log.check(), { code: 'ENOTDIR' })
    const one = record()
    await assert.rejects(log.write([one]))
    await rm(path)
    await log.check()
    await log.write([one])
    assert.equal((await log.list(all)).length, 1)
  })

  test('a failed task is there after a restart, and is retried from it', async () => {
    const { path } = await newFile()
    let well = false
    const given: unknown[] = []
    const task = defineTask('pays', (payload: { amount: number }) => {
      if (!well) throw new Error('not well')
      given.push(payload)
    })
    const options = { tasks: [task], retry: false } as const
    const silent = { debug() {}, info() {}, warn() {}, error() {}, fatal() {} }
    const before = createAfterCommit({ ...options, logger: silent, failureLog: fileFailureLog(path) })
    const { id } = before(task, { amount: 7 })
    await before.close()
    well = true
    const restarted = createAfterCommit({ ...options, logger: silent, failureLog: fileFailureLog(path) })
    await (
      await restarted.failures.retry(id)
    ).settled
    assert.deepEqual(given, [{ amount: 7 }])
    assert.equal((await fileFailureLog(path).get(id))?.status, 'retried')
  })

  test('refuses options that make no sense', () => {
    assert.throws(() => fileFailureLog(''), { code: 'ERR_OPTIONS' })
    assert.throws(() => fileFailureLog('x', { maxBytes: 0 }), { code: 'ERR_OPTIONS', message: /`maxBytes`/ })
    assert.throws(() => fileFailureLog('x', { keep: -1 }), { code: 'ERR_OPTIONS', message: /`keep`/ })
  })
})
