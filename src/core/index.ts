export { type AfterCommit, type AfterCommitFunction, createAfterCommit } from './after-commit.js'
export { defineTask } from './define-task.js'
export { type CapturedContext, type ContextCarrier } from './context.js'
export {
  AfterCommitError,
  type AfterCommitErrorCode,
  ClosedError,
  NestedBatchError,
  NotRetryableError,
  NoTransactionError,
  OptionsError,
  PayloadError,
  PoolFullError,
  TransactionAbortedError,
} from './errors.js'
export { type AfterCommitEventName, type AfterCommitEvents, type AfterCommitListener } from './events.js'
export {
  type FailureLog,
  type FailureQuery,
  type FailureRecord,
  type FailureStatus,
  prismaFailureLog,
  type PurgeQuery,
} from './failure-log.js'
export { type FailureFilter, type FailurePage, type Failures, type RetryReport } from './failures.js'
export {
  type AfterCommitOptions,
  type Logger,
  type Overflow,
  type QueueOptions,
  type RateLimit,
  type RetryOptions,
  type TaskOptions,
} from './options.js'
export { type StandardSchema } from './payload.js'
export { type PrismaLike } from './prisma-client.js'
export {
  type DefinedTask,
  type DefineTaskOptions,
  type TaskContext,
  type TaskHandle,
  type TaskOutcome,
  type TaskRun,
  type TaskState,
  type TaskStatus,
} from './task.js'
export { AbortError } from 'p-retry'
export { type Stats } from './stats.js'
