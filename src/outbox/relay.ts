import { internals, type Internals } from '../core/internals.js'
import { OptionsError } from '../core/errors.js'
import { type AfterCommitEventName, type AfterCommitListener, Events } from '../core/events.js'
import { logEvents } from '../core/logging.js'
import { type Database, providerOf, throughPrisma } from './database.js'
import { handlersOf } from './fan-out.js'
import { Listener } from './listener.js'
import { notifyDefaults, notifyOptions } from './notify.js'
import { type OutboxInternals, outboxInternals } from './outbox.js'
import { throughPg } from './pg-pool.js'
import { pollingSource } from './polling-source.js'
import { type RelayOptions, relaySettings } from './relay-options.js'
import type { RelayStats } from './relay-stats.js'
import { Worker } from './worker.js'

export interface Relay {
  /** Checks that the table is there, then goes on until `stop()`. @throws What the database says. */
  start(): Promise<void>
  /**
   * Claims nothing more, gives back what has not started, waits `grace` milliseconds for the handlers, then aborts their signals and
   * gives back their messages too. @default grace 10_000
   */
  stop(options?: { readonly grace?: number }): Promise<RelayStats>
  /** Counters since construction, and gauges. No query. */
  stats(): RelayStats
  /** Adds a listener; the function returned removes it. `started`, `succeeded`, `retrying`, `failed` (it is dead now), `abandoned`. */
  on<N extends AfterCommitEventName>(event: N, listener: AfterCommitListener<N>): () => void
}

/**
 * Handles the messages of an outbox, in this process: with the tasks of the instance, at least once each.
 *
 * @throws OptionsError for a wrong value or an unknown name, and for an instance without an outbox.
 * @example
 * const relay = createRelay({ afterCommit })
 * await relay.start()
 * process.once('SIGTERM', () => relay.stop())
 */
export function createRelay(options: RelayOptions): Relay {
  const settings = relaySettings(options)
  const own = (options.afterCommit as Partial<Record<typeof internals, Internals>> | undefined)?.[internals]
  if (!own) throw OptionsError.expected('afterCommit', 'what createAfterCommit returned', options.afterCommit)
  const { logger, context, options: instance } = own
  const outbox = (instance.outbox as Partial<Record<typeof outboxInternals, OutboxInternals>> | undefined)?.[
    outboxInternals
  ]
  if (!outbox)
    throw OptionsError.expected('outbox', 'given to createAfterCommit, made by createOutbox', instance.outbox)
  const events = new Events((error, event) => logger.error({ err: error }, `a listener of the event ${event} failed`))
  logEvents(events, logger)
  const tasks = handlersOf(instance.tasks)
  const { retention, pool, lease, listen } = settings

  let database: Database | undefined
  const connect = (): Database => {
    if (pool) return throughPg(pool)
    const client = outbox.client()
    return throughPrisma(client, providerOf(client, outbox.options.provider))
  }
  let worker: Worker | undefined
  let listening: Listener | undefined
  const working = (): Worker => {
    database ??= connect()
    const source = pollingSource({
      database,
      lease,
      types: [...tasks.keys()],
      deadBlocks: outbox.options.afterDead !== 'skip',
      keep: retention !== 'delete',
    })
    return (worker ??= new Worker({
      ...settings,
      source,
      database,
      tasks,
      events,
      logger,
      context,
      queues: own.queues,
    }))
  }
  return {
    async start() {
      await working().start((onNotification) => {
        const { channel } = notifyOptions(outbox.options.notify) ?? notifyDefaults
        const stopListening = outbox.onWake(onNotification)
        if (listen) listening = new Listener({ client: listen, channel, logger, onNotification })
        return stopListening
      })
    },
    stop: async ({ grace = 10_000 } = {}) => {
      if (!(grace >= 0 && grace < 2 ** 31)) {
        throw OptionsError.expected('grace', 'a number of milliseconds from 0 and up', grace)
      }
      await listening?.stop()
      return await working().stop(grace)
    },
    stats: () => working().stats(),
    on: (event, listener) => events.on(event, listener),
  }
}
