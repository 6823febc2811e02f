import { type AfterCommitOptions, defineTask, type DefinedTask, type DefineTaskOptions } from '../../src/index.js'
import { workerThreads, type WorkerThreadsOptions } from '../../src/threads/index.js'
import { type Started, start } from '../support/recorders.js'

/** What modules/act.mjs does, at the attempts up to `until`. */
export interface Act {
  readonly act?: string
  readonly until?: number
  readonly [more: string]: unknown
}

export const moduleUrl = (file: string): URL => new URL(`modules/${file}`, import.meta.url)

export function actTask(options: DefineTaskOptions<Act, Act> = {}): DefinedTask<Act, Act> {
  return defineTask<Act>('act', moduleUrl('act.mjs'), { thread: true, ...options })
}

/** Without what test/run.ts preloads into the processes of the tests. */
const execArgv = ['--conditions=source', '--import', 'tsx']

/** An instance with threads. Those that have nothing to do do not keep the process alive. */
export function startThreads(options: AfterCommitOptions = {}, threads: WorkerThreadsOptions = { size: 2 }): Started {
  return start({ threads: workerThreads({ execArgv, ...threads }), ...options })
}
