import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type AfterCommit,
  AfterCommitError,
  defineTask,
  type Overflow,
  type TaskContext,
  type TaskHandle,
  type TaskStatus,
} from '../../src/index.js'
import { sampledStats, start } from '../support/recorders.js'
import { until } from '../support/wait.js'

const overflows: readonly Overflow[] = ['record', 'refuse', 'drop-newest', 'drop-oldest']
const ends: readonly TaskStatus[] = ['succeeded', 'failed', 'rejected', 'dropped', 'interrupted', 'cancelled']
const kinds = ['succeeds', 'fails', 'fails twice', 'is slow', 'ignores its signal', 'registers another'] as const

/** Numbers from 0 to 1 that are the same for the same seed, so that a failing run can be repeated. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31
}

/** Registers tasks of all kinds, now and then cancels one, and returns the handles of those that were taken. */
async function disturb(afterCommit: AfterCommit, random: () => number): Promise<TaskHandle[]> {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T
  const handles: TaskHandle[] = []
  const register = (depth: number): void => {
    const kind = pick(kinds)
    const run = async (_depth: number, { attempt, signal }: TaskContext): Promise<void> => {
      if (kind === 'fails' || (kind === 'fails twice' && attempt < 3)) throw new TypeError(kind)
      if (kind === 'is slow') await delay(5, undefined, { signal })
      if (kind === 'ignores its signal') await delay(12)
      if (kind === 'registers another' && depth < 3) register(depth + 1)
    }
    try {
      const handle = afterCommit(defineTask(kind, run, random() < 0.3 ? { overflow: pick(overflows) } : {}), depth)
      handles.push(handle)
      if (random() < 0.1) handle.cancel()
    } catch (error) {
      assert.ok(error instanceof AfterCommitError, String(error))
      assert.ok(error.code === 'ERR_POOL_FULL' || error.code === 'ERR_CLOSED', error.message)
    }
  }
  for (let n = 0; n < 80; n++) {
    register(0)
    if (random() < 0.2) await delay(random() * 4)
    if (random() < 0.05) pick(handles)?.cancel()
  }
  return handles
}

describe('Accounting', { concurrency: 10 }, () => {
  for (let seed = 1; seed <= 40; seed++) {
    test(`each task ends once and is counted once, whatever happens: seed ${seed}`, async () => {
      const random = randomOf(seed)
      const concurrency = 1 + (seed % 5)
      const maxPending = 3 + ((seed * 7) % 50)
      const { afterCommit, failures } = start({
        concurrency,
        maxPending,
        overflow: overflows[seed % 4] as Overflow,
        timeout: seed % 2 === 0 ? 3 : 20,
        abortGrace: seed % 3,
      })
      const samples = sampledStats(afterCommit)
      const ended = new Map<string, TaskStatus[]>()
      for (const end of ends) {
        afterCommit.on(end as 'failed', ({ task }) => ended.set(task.id, [...(ended.get(task.id) ?? []), end]))
      }

      const handles = await disturb(afterCommit, random)
      if (seed % 2 === 0) await afterCommit.idle()
      const report = await afterCommit.close({ grace: [0, 5, 5_000][seed % 3] as number })
      await until(() => afterCommit.stats().abandoned === 0)

      for (const handle of handles) {
        const { status } = await handle.settled
        assert.deepEqual([handle.state, ended.get(handle.id)], [status, [status]])
      }
      const stats = afterCommit.stats()
      assert.deepEqual({ ...report, abandoned: 0 }, stats)
      const { pending, waiting, running, backingOff, reserved } = stats
      assert.deepEqual([pending, waiting, running, backingOff, reserved], [0, 0, 0, 0, 0])
      const { accepted, succeeded, failed, rejected, dropped, interrupted, cancelled } = stats
      assert.equal(accepted, handles.length)
      assert.equal(accepted, succeeded + failed + rejected + dropped + interrupted + cancelled)
      assert.equal(failures.records.length, failed + rejected + interrupted)
      assert.equal(new Set(failures.records.map(({ id }) => id)).size, failures.records.length)
      for (const sample of samples) {
        assert.ok(sample.pending + sample.reserved <= maxPending)
        assert.ok(sample.running <= concurrency)
        assert.equal(sample.pending, sample.waiting + sample.running + sample.backingOff)
      }
    })
  }
})
