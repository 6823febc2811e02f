export { type AfterCommit, type AfterCommitFunction, createAfterCommit, type Stats } from './after-commit.js'
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
export { type FailureLog, type FailureRecord, prismaFailureLog } from './failure-log.js'
export { type AfterCommitOptions, type Logger, type Overflow, type RetryOptions, type TaskOptions } from './options.js'
export { type StandardSchema } from './payload.js'
export { type PrismaLike } from './prisma.js'
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
