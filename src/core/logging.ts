import type { Events } from './events.js'
import { describeError, type FailureRecord } from './failure-log.js'
import type { Logger } from './options.js'
import type { TaskHandle } from './task.js'

type Line = (fields: object, message: string) => void

const levels = ['debug', 'info', 'warn', 'error', 'fatal'] as const

function makeLogger(line: (level: (typeof levels)[number]) => Line): Logger {
  return Object.fromEntries(levels.map((level) => [level, line(level)])) as unknown as Logger
}

/** Used where no logger is given: what somebody should see goes to the console. */
export const consoleLogger = makeLogger((level) => (fields, message) => {
  if (level === 'warn') console.warn(message, fields)
  if (level === 'error' || level === 'fatal') console.error(message, fields)
})

/** The same logger, which never throws: a broken one must not change what becomes of a task. */
export function safeLogger(logger: Logger): Logger {
  return makeLogger((level) => (fields, message) => {
    try {
      logger[level](fields, message)
    } catch {
      // There is nowhere left to say it.
    }
  })
}

/** What every line about a task carries. */
function taskFields(task: TaskHandle): Record<string, unknown> {
  return { taskId: task.id, task: task.name, attempt: task.attempts, requestId: task.requestId }
}

/** A logger for the code of a task: each of its lines carries the task's fields. */
export function taskLogger(logger: Logger, task: TaskHandle): Logger {
  const fields = taskFields(task)
  return (
    logger.child?.(fields) ?? makeLogger((level) => (more, message) => logger[level]({ ...fields, ...more }, message))
  )
}

/** What is logged of the life of a task, by an ordinary listener of the events. */
export function logEvents(events: Events, logger: Logger): void {
  const lines = [
    ['succeeded', 'debug', 'task succeeded'],
    ['retrying', 'warn', 'task attempt failed, it will be retried'],
    ['failed', 'error', 'task failed for good'],
    ['rejected', 'error', 'task rejected: the pool is full'],
    ['dropped', 'warn', 'task dropped: the pool is full'],
    ['interrupted', 'warn', 'task interrupted: the pool was closed before it ended'],
    ['cancelled', 'debug', 'task cancelled'],
    ['discarded', 'debug', 'task discarded: its transaction did not commit'],
    ['unknown', 'error', 'task not run: nobody knows whether its transaction committed'],
    ['abandoned', 'warn', 'task ignores its signal: its slot was freed while it runs on'],
  ] as const
  for (const [event, level, message] of lines) {
    events.on(event, (happened) => {
      const error = 'error' in happened && describeError(happened.error)
      logger[level]({ ...taskFields(happened.task), ...error }, message)
    })
  }
}

/** The complete record, at a level that somebody reads. */
export function logRecord(logger: Logger, level: 'error' | 'fatal', record: FailureRecord, why: string): void {
  const { id: taskId, task, attempts: attempt, requestId } = record
  logger[level]({ taskId, task, attempt, requestId: requestId ?? undefined, record }, why)
}
