import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cleanup } from '../demo/cleanup.js'
import { createDatabases } from './databases.js'
import { type Limit, show, type Shown } from './limit.js'
import { openLab } from './open-lab.js'

/** Told how far a run is. */
export interface Watcher {
  starts(limit: Limit): void
  ended(limit: Limit, result: Shown | Error): void
}

/**
 * Runs limits one after the other, each in a lab of its own, and undoes what it did before the next one. One that fails
 * is left out. What is not undone yet is in `all`; once the signal is aborted, nothing more begins.
 */
export async function runLimits(
  limits: readonly Limit[],
  { all, watcher, signal }: { all: Cleanup; watcher: Watcher; signal: AbortSignal },
): Promise<Shown[]> {
  const folder = await mkdtemp(join(tmpdir(), 'after-commit-lab-'))
  // Again where it was not empty after all: what was interrupted may still be writing.
  all.add(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }))
  const createDatabase = createDatabases(folder)
  const shown: Shown[] = []
  for (const limit of limits) {
    if (signal.aborted) break
    const cleanup = new Cleanup()
    all.add(() => cleanup.run())
    watcher.starts(limit)
    try {
      const result = await show(limit, openLab({ folder, createDatabase, cleanup }))
      shown.push(result)
      watcher.ended(limit, result)
    } catch (error) {
      watcher.ended(limit, error instanceof Error ? error : new Error(String(error)))
    } finally {
      await cleanup.run()
    }
  }
  return shown
}
