import type { ContextCarrier } from './context.js'
import type { Events } from './events.js'
import type { AfterCommitOptions, Logger } from './options.js'
import type { TransactionWatcher } from './prisma.js'
import type { Queues } from './queues.js'
import type { Registry } from './registration.js'

/** The property under which an instance keeps its workings. For `after-commit/testing` alone: they may change in any release. */
export const internals: unique symbol = Symbol.for('after-commit.internals')

export interface Internals {
  readonly registry: Registry
  readonly watcher: TransactionWatcher
  readonly queues: Queues
  readonly events: Events
  readonly context: ContextCarrier
  readonly logger: Logger
  readonly options: AfterCommitOptions
  /** Wakes those who wait for a moment at which nothing is pending. */
  quiet(): void
}
