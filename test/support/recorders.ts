// What a test can read afterwards: log lines, failure records, events.
import {
  type AfterCommit,
  type AfterCommitEventName,
  type AfterCommitEvents,
  type AfterCommitOptions,
  createAfterCommit,
  type FailureLog,
  type FailureRecord,
  type Logger,
  type Stats,
} from '../../src/index.js'
import { memoryFailureLog } from '../../src/failure-logs/index.js'
import { contextOptions } from './context.js'

export const levels = ['debug', 'info', 'warn', 'error', 'fatal'] as const
export type Level = (typeof levels)[number]

export interface Line {
  readonly level: Level
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string
}

export interface RecordingLogger extends Logger {
  readonly lines: Line[]
  at(level: Level): Line[]
}

export function recordingLogger(): RecordingLogger {
  const lines: Line[] = []
  const write = (level: Level) => (fields: object, message: string) =>
    void lines.push({ level, fields: { ...fields }, message })
  return {
    lines,
    at: (level) => lines.filter((line) => line.level === level),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    fatal: write('fatal'),
  }
}

export interface RecordingFailureLog extends FailureLog {
  readonly records: FailureRecord[]
}

export function recordingFailureLog(): RecordingFailureLog {
  const records: FailureRecord[] = []
  const memory = memoryFailureLog({ limit: Infinity })
  return {
    ...memory,
    records,
    write(batch) {
      records.push(...batch)
      return memory.write(batch)
    },
  }
}

/** A failure log in memory of which some methods do something else. */
export function failureLogThat(methods: Partial<FailureLog>): FailureLog {
  return { ...memoryFailureLog(), ...methods }
}

export interface Started {
  readonly afterCommit: AfterCommit
  readonly log: RecordingLogger
  readonly failures: RecordingFailureLog
}

/** An instance that retries twice with hardly a pause, and whose lines and failures can be read. */
export function start(options: AfterCommitOptions = {}): Started {
  const log = recordingLogger()
  const failures = recordingFailureLog()
  const retry = { retries: 2, minTimeout: 1, factor: 1, randomize: false }
  const defaults = { ...contextOptions(), logger: log, failureLog: failures, retry }
  return { afterCommit: createAfterCommit({ ...defaults, ...options }), log, failures }
}

/** The next event of that name. */
export function next<N extends AfterCommitEventName>(afterCommit: AfterCommit, name: N): Promise<AfterCommitEvents[N]> {
  return new Promise((resolve) => {
    const remove = afterCommit.on(name, (event) => {
      remove()
      resolve(event)
    })
  })
}

export const taskEvents = [
  'accepted',
  'started',
  'retrying',
  'succeeded',
  'failed',
  'rejected',
  'dropped',
  'interrupted',
  'cancelled',
  'discarded',
  'unknown',
  'abandoned',
] as const satisfies readonly AfterCommitEventName[]

/** Every task event so far, as `name of the event` and `name of the task`, in order. */
export function trace(afterCommit: AfterCommit): string[] {
  const seen: string[] = []
  for (const name of taskEvents) afterCommit.on(name, ({ task }) => void seen.push(`${name} ${task.name}`))
  return seen
}

/** The statistics at every task event so far. */
export function sampledStats(afterCommit: AfterCommit): Stats[] {
  const samples: Stats[] = []
  for (const name of taskEvents) afterCommit.on(name, () => void samples.push(afterCommit.stats()))
  return samples
}
