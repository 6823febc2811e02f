import { OptionsError } from '../core/errors.js'
import type { RawClient } from './database.js'

export interface NotifyOptions {
  /** Milliseconds between two notifications of a process, at least: a burst of commits is one. @default 20 */
  readonly interval?: number
  /** The same for writers and relays. @default 'after_commit_outbox' */
  readonly channel?: string
}

export const notifyDefaults = { interval: 20, channel: 'after_commit_outbox' } as const

/** @throws OptionsError */
export function notifyOptions(given: boolean | NotifyOptions | undefined): Required<NotifyOptions> | undefined {
  if (given === undefined || given === false) return undefined
  const settings = { ...notifyDefaults, ...(given === true ? {} : given) }
  const { interval, channel, ...unknown } = settings
  if (typeof given !== 'boolean' && (typeof given !== 'object' || Object.keys(unknown).length > 0)) {
    throw OptionsError.expected('notify', 'a boolean or { interval, channel }', given)
  }
  if (!(typeof interval === 'number' && interval >= 1 && interval <= 60_000)) {
    throw OptionsError.expected('notify.interval', 'a number of milliseconds from 1 to 60000', interval)
  }
  // PostgreSQL cuts a name at 63 bytes, and a name in quotes is another one than without.
  if (typeof channel !== 'string' || !/^[a-z_][a-z0-9_]{0,62}$/.test(channel)) {
    throw OptionsError.expected('notify.channel', 'a name of lower-case letters, digits and _', channel)
  }
  return settings
}

/**
 * Tells the relays of other processes, after a commit and on a connection of its own. A NOTIFY in the business transaction would make
 * every such transaction of the database wait for the COMMIT of the one before: PostgreSQL has one lock for all of them.
 *
 * @returns To be called after each commit. What cannot be sent is not missed: the relays look by themselves too.
 */
export function notifier(client: () => RawClient, { interval, channel }: Required<NotifyOptions>): () => void {
  let pause: NodeJS.Timeout | undefined
  let again = false
  const send = (): void => {
    again = false
    pause = setTimeout(() => {
      pause = undefined
      if (again) send()
    }, interval).unref()
    // Not a query, as far as Prisma can tell: it knows no value of the type void.
    Promise.resolve(client().$executeRawUnsafe('SELECT pg_notify($1, $2)', channel, '')).catch(() => undefined)
  }
  return () => {
    if (!pause) return send()
    again = true // and a process that ends before leaves it to the polls
  }
}
