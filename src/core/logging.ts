import { callSafely, type Events, type TaskEvent } from './events.js'
import { describeError, type FailureRecord } from './failure-log.js'
import type { Logger } from './options.js'
import type { TaskHandle } from './task.js'

type Line = (fields: object, message: string) => void

const levels = ['debug', 'info', 'warn', 'error', 'fatal'] as const

function makeLogger(line: (level: (typeof levels)[number]) => Line): Logger {
  return Object.fromEntries(levels.map((level) => [level, line(level)])) as unknown as Logger
}

/** Used where no logger is given: what somebody should see goes to the console. */
export const consoleLogger: Logger = {
  ...makeLogger((level) => (fields, message) => {
    if (level === 'warn') console.warn(message, fields)
    if (level === 'error' || level === 'fatal') console.error(message, fields)
  }),
  isLevelEnabled: (level) => level !== 'debug' && level !== 'info',
}

/** There is nowhere left to say it. */
const nowhere = (): void => undefined

/** The same logger, which never throws: a broken one must not change what becomes of a task. */
export function safeLogger(logger: Logger): Logger {
  const safe = makeLogger(
    (level) => (fields, message) => callSafely(() => logger[level](fields, message), undefined, nowhere),
  )
  const child = (fields: Record<string, unknown>): Logger => {
    try {
      if (logger.child) return safeLogger(logger.child(fields))
    } catch {
      // A line without the child's serializers is better than none.
    }
    return makeLogger((level) => (more, message) => safe[level]({ ...fields, ...more }, message))
  }
  const isLevelEnabled = (level: string): boolean => {
    try {
      return logger.isLevelEnabled?.(level) ?? true
    } catch {
      return true
    }
  }
  return { ...safe, child, isLevelEnabled }
}

/** What every line about a task carries. */
export function taskFields(task: TaskHandle): Record<string, unknown> {
  return { taskId: task.id, task: task.name, attempt: task.attempts, requestId: task.requestId }
}

/** What is logged of the life of a task, by listeners of the events. @param logger One that is safe. */
export function logEvents(events: Events, logger: Logger): void {
  const lines = [
    ['succeeded', 'debug', 'task succeeded'],
    ['retrying', 'warn', 'task attempt failed, it will be retried'],
    ['failed', 'error', 'task failed for good'],
    ['rejected', 'error', 'task rejected: the pool is full'],
    ['dropped', 'warn', 'task dropped: the pool is full'],
    ['interrupted', 'warn', 'task interrupted: the pool was closed before it ended'],
    ['cancelled', 'debug', 'task cancelled'],
    ['stored', 'debug', 'task stored: its message is committed'],
    ['discarded', 'debug', 'task discarded: its transaction did not commit'],
    ['unknown', 'error', 'task not run: nobody knows whether its transaction committed'],
    ['abandoned', 'warn', 'task ignores its signal: its slot was freed while it runs on'],
  ] as const
  for (const [event, level, message] of lines) {
    events.of[event].add((happened: TaskEvent) => {
      if (logger.isLevelEnabled?.(level) === false) return
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
