import { OptionsError, PayloadError } from '../core/errors.js'
import type { Outbox, OutboxMessage } from '../core/outbox.js'
import { type Backlog, backlogOf } from './backlog.js'
import { type DeadMessages, deadMessages } from './dead.js'
import { type Provider, providerOf, providers, type RawClient } from './database.js'
import { subscribersHeader } from './fan-out.js'
import { insertMessages, insertStatement, needsTransaction } from './insert.js'
import { newMessageId } from './message.js'
import { notifier, notifyOptions, type NotifyOptions } from './notify.js'

export interface OutboxOptions {
  /** Bytes of a message's JSON payload at most, checked at the registration. @default 262_144 */
  readonly maxPayload?: number
  /**
   * What becomes of a key's messages behind a dead one. `'block'`: they wait until it is retried or discarded, so the order holds.
   * `'skip'`: they go on, and what is retried comes behind them. @default 'block'
   */
  readonly afterDead?: 'block' | 'skip'
  /** Called at each registration; its result travels in the message's headers. For `traceparent` and the like. */
  readonly headers?: () => Readonly<Record<string, string>>
  /**
   * PostgreSQL: tells the relays of other processes after a commit, on a connection outside the transaction, so that they need not
   * wait for their next poll. They need `listen`. @default false
   */
  readonly notify?: boolean | NotifyOptions
  /** Which database it is. @default what the Prisma client says */
  readonly provider?: Provider
}

/** What a relay needs of an outbox, besides its table. */
export interface OutboxInternals {
  readonly client: () => RawClient
  readonly options: OutboxOptions
  /** Calls `listener` whenever messages of this process are committed. @returns What takes it away. */
  onWake(listener: () => void): () => void
}

/** Leads to the workings of an outbox, whichever copy of this module has made it. */
export const outboxInternals: unique symbol = Symbol.for('after-commit.outbox')

export interface PrismaOutbox extends Outbox {
  /** The messages that have used up their attempts. */
  readonly dead: DeadMessages
  /** How much is in the table, and how old. Three queries. */
  backlog(): Promise<Backlog>
  readonly [outboxInternals]: OutboxInternals
}

/**
 * Stores durable tasks in the table of the Prisma model `OutboxMessage`, by the transaction that registers them.
 *
 * @param client Answers the client of the messages that no transaction stores; called late, since it is made from this one's owner.
 * @throws OptionsError for a wrong value or an unknown name.
 * @example
 * const afterCommit = createAfterCommit({ outbox: createOutbox(() => prisma), tasks: [givePoints] })
 */
export function createOutbox(client: () => object, options: OutboxOptions = {}): PrismaOutbox {
  validate(client, options)
  const { maxPayload = 262_144, afterDead = 'block', headers: more } = options
  const listeners = new Set<() => void>()
  const own = (): RawClient => client() as RawClient
  const notifies = notifyOptions(options.notify)
  const notify = notifies && notifier(own, notifies)
  const wake = (): void => {
    for (const listener of listeners) listener()
    notify?.()
  }
  return {
    message({ messageType, payload, key, requestId, subscribers = [] }) {
      if (notifies && providerOf(own(), options.provider) !== 'postgresql') {
        throw OptionsError.expected('notify', 'left out: only PostgreSQL has notifications', options.notify)
      }
      const size = Buffer.byteLength(payload)
      if (size > maxPayload) {
        const advice = 'Pass an id and read the rest in the task.'
        throw new PayloadError(
          `The payload of \`${messageType}\` has ${size} bytes, at most ${maxPayload} are stored. ${advice}`,
        )
      }
      checkText(messageType, 'name', messageType)
      for (const name of subscribers) checkText(name, 'name', name)
      if (key !== null) checkText(messageType, 'key', key)
      const headers = {
        ...(requestId !== undefined && { requestId }),
        ...more?.(),
        ...(subscribers.length > 0 && { [subscribersHeader]: JSON.stringify(subscribers) }),
      }
      const text = Object.keys(headers).length > 0 ? JSON.stringify(headers).replaceAll(String.raw`\u0000`, '') : null
      return { messageId: newMessageId(), messageType, payload, key, headers: text }
    },
    async insert(messages, tx) {
      const target = (tx ?? own()) as RawClient
      const provider = providerOf(target, options.provider)
      if (tx || !needsTransaction(provider, messages)) return await insertMessages(target, provider, messages)
      const transact = target.$transaction as (run: (tx: RawClient) => Promise<void>) => Promise<void>
      await transact.call(target, (inner) => insertMessages(inner, provider, messages))
    },
    statement(message: OutboxMessage) {
      const target = own()
      const provider = providerOf(target, options.provider)
      if (needsTransaction(provider, [message])) {
        throw new OptionsError(
          `\`${message.messageType}\` has a key, whose lock takes a statement of its own on MySQL and MariaDB: register it in the callback form.`,
        )
      }
      return insertStatement(target, provider, message)
    },
    wake,
    dead: deadMessages({ client: own, provider: () => providerOf(own(), options.provider), afterDead, wake }),
    backlog: () => backlogOf(own(), providerOf(own(), options.provider)),
    [outboxInternals]: {
      client: own,
      options,
      onWake(listener) {
        listeners.add(listener)
        return () => void listeners.delete(listener)
      },
    },
  }
}

/** Characters of a `String` column on MySQL and MariaDB. */
const column = 191

function checkText(task: string, what: string, text: unknown): void {
  if (typeof text === 'string' && text !== '' && text.length <= column && !text.includes('\0')) return
  throw new PayloadError(
    `The ${what} of \`${task}\` cannot be stored: it must be a text of 1 to ${column} characters without NUL`,
  )
}

function validate(client: unknown, options: OutboxOptions): void {
  if (typeof client !== 'function') throw OptionsError.expected('client', 'a function that answers a client', client)
  const { maxPayload, afterDead, headers, provider, notify: _notify, ...unknown } = options
  const [name] = Object.keys(unknown)
  if (name !== undefined) {
    throw new OptionsError(`Unknown option \`${name}\`: there are maxPayload, afterDead, headers, notify and provider`)
  }
  if (maxPayload !== undefined && !(Number.isSafeInteger(maxPayload) && maxPayload > 0)) {
    throw OptionsError.expected('maxPayload', 'an integer from 1 and up', maxPayload)
  }
  if (afterDead !== undefined && afterDead !== 'block' && afterDead !== 'skip') {
    throw OptionsError.expected('afterDead', `one of 'block', 'skip'`, afterDead)
  }
  if (headers !== undefined && typeof headers !== 'function') {
    throw OptionsError.expected('headers', 'a function', headers)
  }
  if (provider !== undefined && !providers.includes(provider)) {
    throw OptionsError.expected('provider', `one of ${providers.join(', ')}`, provider)
  }
}
