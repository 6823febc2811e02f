import { createHash } from 'node:crypto'
import { isDefinedEvent, subscribersOf, withEvents } from '../core/subscribers.js'
import { OptionsError } from '../core/errors.js'
import type { OutboxMessage } from '../core/outbox.js'
import type { DefinedTask } from '../core/task.js'
import { type ClaimedMessage, readHeaders } from './message.js'

/**
 * An event is stored as one message, and handed to its subscribers by a relay: one transaction completes that message and stores one
 * for each of them, fenced by the lock token. So the writer's INSERT does not grow with the subscribers, a broker can be given the
 * event itself, and who hears of it is what writer and relay know together: in a rolling deploy neither has to be the newer one.
 *
 *   order-placed: pending ──▶ processing ──▶ done
 *                                             ├──▶ order-placed:mail      pending ──▶ …
 *                                             └──▶ order-placed:points    pending ──▶ …   (each with attempts of its own)
 *
 * The new messages have the event's `messageId`: with the name of the consumer it is what the inbox goes by.
 */
export interface KnownEvent extends DefinedTask {
  /** The names of the tasks that hear of it. */
  readonly subscribers: readonly string[]
}

/**
 * What a relay can handle, by the type of the message: the tasks, and the events that one of them hears of or that are listed.
 *
 * @throws OptionsError
 */
export function handlersOf(tasks: readonly DefinedTask[] = []): ReadonlyMap<string, DefinedTask> {
  const handlers = withEvents(tasks).map((task): DefinedTask | KnownEvent => {
    if (task.event && !fits(task.name)) {
      throw OptionsError.expected('name', `a text of at most ${column} characters, with the event's`, task.name)
    }
    const subscribers = subscribersOf(task.name, tasks).map(({ name }) => name)
    return isDefinedEvent(task) ? Object.assign({ subscribers }, task) : task
  })
  return new Map(handlers.map((handler) => [handler.name, handler]))
}

export const isKnownEvent = (handler: DefinedTask): handler is KnownEvent => 'subscribers' in handler

/** The messages of an event's subscribers; undefined for that of a task. */
export function messagesFrom(
  { messageId, key, payload, headers }: ClaimedMessage,
  handler: DefinedTask,
): readonly OutboxMessage[] | undefined {
  if (!isKnownEvent(handler)) return undefined
  const { known, others } = withoutSubscribers(headers)
  return [...new Set([...handler.subscribers, ...known])].map((messageType) => ({
    messageId,
    messageType,
    key: key === null ? null : keyOf(messageType, key),
    payload,
    headers: others,
  }))
}

/** The header that names the subscribers, as `createOutbox` writes it. */
export const subscribersHeader = 'subscribers'

function withoutSubscribers(headers: string | null): { known: readonly string[]; others: string | null } {
  try {
    const { [subscribersHeader]: names, ...others } = readHeaders(headers)
    const known = names === undefined ? [] : (JSON.parse(names) as unknown)
    return {
      known: Array.isArray(known) ? known.filter((name): name is string => typeof name === 'string' && fits(name)) : [],
      others: Object.keys(others).length > 0 ? JSON.stringify(others) : null,
    }
  } catch {
    return { known: [], others: headers } // somebody else has written the row
  }
}

/** Characters of a `String` column on MySQL and MariaDB. */
const column = 191
const fits = (text: string): boolean => text !== '' && text.length <= column && !text.includes('\0')

/** Of its own for each subscriber: what is dead for one of them holds up nothing of another. */
function keyOf(messageType: string, key: string): string {
  const own = `${messageType} ${key}`
  return fits(own) ? own : createHash('sha256').update(own).digest('hex')
}
