/**
 * The shop as a child of the page's server: the same server, whose events go to its parent. They come from the app's own
 * trace, from `afterCommit.on` and from `relay.on`.
 */
import type { AfterCommitEvents } from '../../index.js'
import { afterCommit, relay } from '../after-commit.js'
import { trace } from '../trace.js'
import { clock } from './clock.js'
import type { Happening, ProcessName, Rung, TaskStep } from './events.js'

const origin = {
  rung: process.env['PARTNERS'] as Rung,
  process: process.env['SHOP_PROCESS'] as ProcessName,
  pid: process.pid,
}
const tell = (happening: Happening): void => void process.send?.(happening)

trace.on('request', (step, requestId, status) => {
  tell({ kind: 'request', ...origin, at: clock(), step, requestId, status })
})
trace.on('transaction', (step, requestId) => {
  tell({ kind: 'transaction', ...origin, at: clock(), step, requestId })
})
trace.on('call', (step, { id, name, requestId, error }) => {
  const call = { taskId: id, name, requestId, attempt: 1, error: textOf(error) }
  tell({ kind: 'task', ...origin, at: clock(), by: 'request', step, ...call })
})

const taskTold =
  (by: TaskStep['by'], step: string) =>
  ({ task, attempt, error }: AfterCommitEvents['started']): void => {
    const { id: taskId, name, requestId } = task
    tell({ kind: 'task', ...origin, at: clock(), by, step, taskId, name, requestId, attempt, error: textOf(error) })
  }
const ofPool = ['accepted', 'stored', 'started', 'retrying', 'succeeded', 'failed', 'rejected', 'dropped'] as const
const ofEnd = ['interrupted', 'cancelled', 'discarded', 'unknown', 'abandoned'] as const
for (const step of [...ofPool, ...ofEnd]) afterCommit.on(step, taskTold('pool', step))
for (const step of ['started', 'retrying', 'succeeded', 'failed'] as const) relay.on(step, taskTold('relay', step))

function textOf(error: unknown): string | undefined {
  if (error === undefined) return undefined
  return (error instanceof Error ? error.message : JSON.stringify(error)).slice(0, 300)
}

await import('../server.js')
