import type { ContextCarrier } from '../core/context.js'
import type { Events } from '../core/events.js'
import type { Logger } from '../core/options.js'
import type { Queues } from '../core/queues.js'
import type { DefinedTask } from '../core/task.js'
import type { Database } from './database.js'
import type { RelaySettings } from './relay-options.js'
import type { Source } from './source.js'

export interface WorkerSettings extends RelaySettings {
  readonly source: Source
  readonly database: Database
  readonly tasks: ReadonlyMap<string, DefinedTask>
  readonly events: Events
  readonly logger: Logger
  readonly context: ContextCarrier
  readonly queues: Queues
}
