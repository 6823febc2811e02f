/** Stable codes of the errors that this library throws; match on these, never on messages. */
export type AfterCommitErrorCode =
  | 'ERR_TRANSACTION_ABORTED'
  | 'ERR_NESTED_BATCH'
  | 'ERR_NO_TRANSACTION'
  | 'ERR_POOL_FULL'
  | 'ERR_CLOSED'
  | 'ERR_PAYLOAD'
  | 'ERR_NOT_RETRYABLE'
  | 'ERR_OPTIONS'

/** Base of every error of this library: `message` says what happened and what to do, `code` is stable. */
export class AfterCommitError extends Error {
  readonly code: AfterCommitErrorCode

  constructor(code: AfterCommitErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

const abortions = {
  failed:
    'A query failed inside the transaction and its error was caught, so the database has aborted the transaction: nothing of ' +
    'it is stored and none of its tasks runs. Let the error leave the callback, or run the query that may fail in a nested ' +
    '`tx.$transaction` and catch it there.',
  orphaned:
    'The transaction around this nested one has ended without waiting for it, so it is rolled back with everything in it. ' +
    'Await every `tx.$transaction`, one after the other, before the callback returns.',
}

/** The transaction cannot commit any more although its callback returned; `cause` is the swallowed error, where there is one. */
export class TransactionAbortedError extends AfterCommitError {
  constructor(why: keyof typeof abortions, cause?: unknown) {
    super('ERR_TRANSACTION_ABORTED', abortions[why], cause === undefined ? undefined : { cause })
  }
}

/** `tx.$transaction([...])` was called: Prisma would commit that batch on its own, whatever becomes of the transaction. */
export class NestedBatchError extends AfterCommitError {
  constructor() {
    super(
      'ERR_NESTED_BATCH',
      'The array form of `$transaction` inside a transaction leaves it: its rows would survive a rollback. ' +
        'Await the queries one by one on `tx`, or use the callback form, `tx.$transaction(async (tx) => …)`.',
    )
  }
}

/** A registration needed an open transaction and there was none. */
export class NoTransactionError extends AfterCommitError {
  constructor(what: string) {
    super(
      'ERR_NO_TRANSACTION',
      `${what} was called outside a watched transaction. Call it inside \`prisma.$transaction(async (tx) => …)\` of a client ` +
        'returned by `afterCommit.watch`, or choose another `outsideTransaction` policy.',
    )
  }
}

/** The pool holds `maxPending` tasks and the task's overflow policy is `'refuse'`. Answer 503 and let the caller come back. */
export class PoolFullError extends AfterCommitError {
  constructor(task: string, maxPending: number) {
    super(
      'ERR_POOL_FULL',
      `The task \`${task}\` was refused: ${maxPending} tasks are pending, which is \`maxPending\`. Try again later, raise ` +
        '`maxPending`, or choose another `overflow` policy.',
    )
  }
}

/** A registration after `close()`, from something that was not already under way. */
export class ClosedError extends AfterCommitError {
  constructor(task: string) {
    super(
      'ERR_CLOSED',
      `The task \`${task}\` was refused: \`close()\` has been called. Stop taking requests before closing the pool.`,
    )
  }
}

/** A payload that JSON cannot carry, or that its schema refuses. */
export class PayloadError extends AfterCommitError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_PAYLOAD', message, options)
  }
}

/** A failure that cannot be run again: a closure has no stored payload. */
export class NotRetryableError extends AfterCommitError {
  constructor(message: string) {
    super('ERR_NOT_RETRYABLE', message)
  }
}

/** A wrong option or argument: the message names it, what was expected and what came. */
export class OptionsError extends AfterCommitError {
  constructor(message: string) {
    super('ERR_OPTIONS', message)
  }

  /** The one sentence pattern of every complaint about a value. */
  static expected(name: string, expected: string, got: unknown): OptionsError {
    return new OptionsError(`Expected \`${name}\` to be ${expected}, got \`${shown(got)}\` (${typeof got})`)
  }
}

function shown(value: unknown): string {
  if (typeof value === 'function') return value.name || 'anonymous function'
  if (typeof value !== 'object' || value === null) return String(value)
  return Array.isArray(value) ? `array of ${value.length}` : Object.prototype.toString.call(value)
}
