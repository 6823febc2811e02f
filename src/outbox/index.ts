export { type Backlog } from './backlog.js'
export {
  type CloudEvent,
  type EnvelopeMessage,
  type EnvelopeOptions,
  fromCloudEvent,
  toCloudEvent,
} from './cloud-events.js'
export { fromWire, toWire, type WireMessage, type WireOptions } from './cloud-event-modes.js'
export { type DeadMessage, type DeadMessages } from './dead.js'
export { type Provider } from './database.js'
export { type PgPool, type PgStatement } from './pg-pool.js'
export { createOutbox, type OutboxOptions, type PrismaOutbox } from './outbox.js'
export { inbox, type InboxOptions, purgeInbox } from './inbox.js'
export { type PgListener } from './listener.js'
export { type NotifyOptions } from './notify.js'
export { createRelay, type Relay } from './relay.js'
export { type RelayOptions } from './relay-options.js'
export { type RelayStats } from './relay-stats.js'
export { type ArchivedMessage, type Retention } from './retention.js'
