import type { ContextCarrier } from './context.js'
import type { Events } from './events.js'
import type { Logger } from './options.js'
import type { Task, TaskContext } from './task.js'

export interface AttemptSettings {
  readonly timeout: number
  readonly abortGrace: number
  readonly context: ContextCarrier
  readonly events: Events
  readonly log: (task: Task) => Logger
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
 * Runs a task once, in the async context of its registration, and resolves with its failure, or with nothing.
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
  const { abandoned, abortGrace, events, timeout } = settings
  const number = ++task.attempts
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
      timedOut = new Error(`Attempt ${number} of \`${task.name}\` took longer than ${timeout} ms`)
      timedOut.name = 'TimeoutError'
      controller.abort(timedOut)
      timer = setTimeout(abandon, abortGrace)
    }
    if (timeout !== Infinity) timer = setTimeout(expire, timeout)
    task.interrupt = (reason) => {
      controller.abort(reason)
      end()
    }
    const running = run(task, number, controller.signal, settings)
    running
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

/** The task itself, with no open transaction in sight: the one it was registered in is over. */
async function run(task: Task, number: number, signal: AbortSignal, settings: AttemptSettings): Promise<void> {
  const { context, events } = settings
  let log: Logger | undefined
  const taskContext: TaskContext = {
    id: task.id,
    name: task.name,
    attempt: number,
    signal,
    get log() {
      return (log ??= settings.log(task))
    },
  }
  await task.context.run(() =>
    context.run(task, async () => {
      events.emitTask('started', task)
      await task.run(taskContext)
    }),
  )
}
