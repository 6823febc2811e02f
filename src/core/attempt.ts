import type { ContextCarrier } from './context.js'
import type { Events } from './events.js'
import type { Logger } from './options.js'
import { taskFields } from './logging.js'
import type { Task, TaskContext } from './task.js'

export interface AttemptSettings {
  readonly timeout: number
  readonly abortGrace: number
  readonly context: ContextCarrier
  readonly events: Events
  readonly logger: Logger
  /** Attempts that ran past `abortGrace` and have not ended yet. */
  readonly abandoned: Set<object>
}

/** What an attempt failed with. A wrapper, because anything can be thrown, `undefined` included. */
export class Failure extends Error {
  readonly error: unknown

  constructor(error: unknown) {
    super('attempt failed')
    this.error = error
  }
}

/**
 * Runs `fn` in the async context of the task's registration, with no open transaction in sight: that one is over. Everything
 * that the task and its listeners can see runs in here: attempts, timers, the retry loop.
 */
export function inContextOf<R>(task: Task, context: ContextCarrier, fn: () => R): R {
  return task.context.run(() => context.run(task, fn))
}

/**
 * Runs a task once, in the context of the caller, and resolves with its failure, or with nothing.
 *
 *   running ──ends──▶ done
 *      │ timeout: the signal is aborted
 *      ▼
 *   aborted ──ends within abortGrace──▶ done (resolved: the work is done, if late; rejected: a TimeoutError)
 *      │ abortGrace is over
 *      ▼
 *   abandoned: a failed attempt whose slot is free; it may still run, and what it returns is ignored
 */
export function attempt(task: Task, settings: AttemptSettings): Promise<Failure | undefined> {
  const { abandoned, abortGrace, context, events, timeout } = settings
  task.attempts++
  task.lastAttemptAt = new Date()
  const controller = new AbortController()
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined
    let timedOut: Error | undefined
    let ended = false
    const end = (failure?: Failure): void => {
      if (ended) return // it was abandoned, and by now the next attempt may be the one that runs
      ended = true
      clearTimeout(timer)
      task.interrupt = undefined
      resolve(failure)
    }
    const abandon = (): void => {
      abandoned.add(controller)
      events.emitTask('abandoned', task)
      end(new Failure(timedOut))
    }
    const expire = (): void => {
      timedOut = new Error(`Attempt ${task.attempts} of \`${task.name}\` took longer than ${timeout} ms`)
      timedOut.name = 'TimeoutError'
      timer = setTimeout(abandon, abortGrace)
      controller.abort(timedOut)
    }
    task.interrupt = (reason) => {
      inContextOf(task, context, () => controller.abort(reason))
      end()
    }
    if (timeout !== Infinity) timer = setTimeout(expire, timeout)
    run(task, controller.signal, settings)
      .then(
        () => end(),
        (error: unknown) => {
          if (timedOut) timedOut.cause = error
          end(new Failure(timedOut ?? error))
        },
      )
      .finally(() => abandoned.delete(controller))
  })
}

async function run(task: Task, signal: AbortSignal, { events, logger }: AttemptSettings): Promise<void> {
  const fields = taskFields(task)
  let log: Logger | undefined
  const context: TaskContext = {
    id: task.id,
    name: task.name,
    attempt: task.attempts,
    signal,
    get log() {
      return (log ??= logger.child?.(fields) ?? logger)
    },
  }
  events.emitTask('started', task)
  await task.run(context)
}
