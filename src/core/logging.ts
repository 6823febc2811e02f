import type { Events } from './events.js'
import { describeError, type FailureRecord } from './failure-log.js'
import type { Logger } from './options.js'
import type { TaskHandle } from './task.js'

/** Used where no logger is given: what somebody should see goes to the console. */
export const consoleLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: (fields, message) => console.warn(message, fields),
  error: (fields, message) => console.error(message, fields),
  fatal: (fields, message) => console.error(message, fields),
}

/** The same logger, which never throws: a broken one must not change what becomes of a task. */
export function safeLogger(logger: Logger): Logger {
  const guard =
    (level: 'debug' | 'info' | 'warn' | 'error' | 'fatal') =>
    (fields: object, message: string): void => {
      try {
        logger[level](fields, message)
      } catch {
        // There is nowhere left to say it.
      }
    }
  return {
    debug: guard('debug'),
    info: guard('info'),
    warn: guard('warn'),
    error: guard('error'),
    fatal: guard('fatal'),
  }
}

/** What every line about a task carries. */
export function taskFields(task: TaskHandle): Record<string, unknown> {
  return { taskId: task.id, task: task.name, attempt: task.attempts, requestId: task.requestId }
}

/** A logger for the code of a task: each of its lines carries the task's fields. */
export function taskLogger(logger: Logger, task: TaskHandle): Logger {
  const fields = taskFields(task)
  if (logger.child) return logger.child(fields)
  return {
    debug: (more, message) => logger.debug({ ...fields, ...more }, message),
    info: (more, message) => logger.info({ ...fields, ...more }, message),
    warn: (more, message) => logger.warn({ ...fields, ...more }, message),
    error: (more, message) => logger.error({ ...fields, ...more }, message),
    fatal: (more, message) => logger.fatal({ ...fields, ...more }, message),
  }
}

/** Writes the log lines of the life of a task, as an ordinary listener of the events. */
export function logEvents(events: Events, logger: Logger): void {
  const line = (task: TaskHandle, error?: unknown): object => ({
    ...taskFields(task),
    ...(error !== undefined && describeError(error)),
  })
  events.on('succeeded', ({ task }) => logger.debug(line(task), 'task succeeded'))
  events.on('retrying', ({ task, error }) => logger.warn(line(task, error), 'task attempt failed, it will be retried'))
  events.on('failed', ({ task, error }) => logger.error(line(task, error), 'task failed for good'))
  events.on('rejected', ({ task }) => logger.error(line(task), 'task rejected: the pool is full'))
  events.on('dropped', ({ task }) => logger.warn(line(task), 'task dropped: the pool is full'))
  events.on('interrupted', ({ task }) =>
    logger.warn(line(task), 'task interrupted: the pool was closed before it ended'),
  )
  events.on('cancelled', ({ task }) => logger.debug(line(task), 'task cancelled'))
  events.on('discarded', ({ task }) => logger.debug(line(task), 'task discarded: its transaction did not commit'))
  events.on('abandoned', ({ task }) =>
    logger.warn(line(task), 'task ignores its signal: its slot was freed while it runs on'),
  )
  events.on('unknown', ({ task, error }) =>
    logger.error(line(task, error), 'task not run: nobody knows whether its transaction committed'),
  )
}

/** The complete record, at a level that somebody reads. */
export function logRecord(logger: Logger, level: 'error' | 'fatal', record: FailureRecord, why: string): void {
  logger[level]({ taskId: record.id, requestId: record.requestId ?? undefined, attempt: record.attempts, record }, why)
}
