import { OptionsError } from '../core/errors.js'
import type { TaskContext } from '../core/task.js'
import { type Provider, providerOf, type RawClient } from './database.js'
import { sqlOf } from './sql.js'

/** What `$transaction` gives to its callback. */
type TransactionOf<C> = C extends { $transaction(run: (tx: infer T) => Promise<unknown>, options?: never): unknown }
  ? T
  : never

export interface InboxOptions {
  /** Who has handled it: a message may have several consumers, each with an effect of its own. @default the task's name */
  readonly consumer?: string
  /** Which database it is. @default what the Prisma client says */
  readonly provider?: Provider
}

/**
 * Has the effect of a message on a database once, although the message may come twice: the row that says so is written in the
 * transaction of the effect. A duplicate that comes at the same time waits for the end of that transaction.
 *
 * @param context What the durable task was given.
 * @returns Whether the effect ran. False: another delivery of the message has had it.
 * @throws What the effect throws, and then nothing is stored; OptionsError without a message id.
 * @example
 * await inbox(prisma, context, (tx) => tx.pointEntry.create({ data: points }))
 */
export async function inbox<C extends object>(
  client: C,
  context: Pick<TaskContext, 'name' | 'messageId'>,
  effect: (tx: TransactionOf<C>) => unknown,
  { consumer = context.name, provider: given }: InboxOptions = {},
): Promise<boolean> {
  const { messageId } = context
  if (messageId === undefined) {
    throw OptionsError.expected('context', 'that of a durable task, whose deliveries have a message id', context)
  }
  for (const text of [messageId, consumer]) {
    // What MariaDB would cut, it would also take for another one.
    if (text === '' || text.length > 191) throw OptionsError.expected('consumer', 'a text of 1 to 191 characters', text)
  }
  const sql = claims[providerOf(client, given)]
  const transact = (client as { $transaction: unknown }).$transaction as Transact
  return await transact.call(client, async (tx) => {
    if ((await tx.$executeRawUnsafe(sql, messageId, consumer)) === 0) return false
    await effect(tx as TransactionOf<C>)
    return true
  })
}

/**
 * Deletes what the inbox knows of messages that were handled longer ago than that: a duplicate that comes later still has its effect.
 *
 * @param olderThan Milliseconds. Longer than a message can be on its way, retries and dead ones included.
 * @returns How many, deleted in small steps.
 */
export async function purgeInbox(
  client: object,
  olderThan: number,
  { provider: given }: InboxOptions = {},
): Promise<number> {
  if (!(olderThan >= 0)) throw OptionsError.expected('olderThan', 'a number of milliseconds from 0 and up', olderThan)
  const sql = purges[providerOf(client, given)]
  let purged = 0
  for (;;) {
    const count = await (client as RawClient).$executeRawUnsafe(sql, -olderThan)
    purged += count
    if (count < step) return purged
    await new Promise((resolve) => setImmediate(resolve))
  }
}

type Transact = (this: object, run: (tx: RawClient) => Promise<boolean>) => Promise<boolean>

const step = 500

const into = '"ProcessedMessage" ("messageId", "consumer", "processedAt") VALUES'

const claim = (provider: Provider): string => {
  const { now, finish } = sqlOf[provider]
  if (provider === 'mysql') return finish(`INSERT IGNORE INTO ${into} (?, ?, ${now})`)
  return finish(`INSERT INTO ${into} (?, ?, ${now}) ON CONFLICT DO NOTHING`)
}

const purge = (provider: Provider): string => {
  const { later, finish } = sqlOf[provider]
  const old = `"processedAt" <= ${later('?')} LIMIT ${step}`
  if (provider === 'mysql') return finish(`DELETE FROM "ProcessedMessage" WHERE ${old}`)
  const keys = `("messageId", "consumer")`
  return finish(
    `DELETE FROM "ProcessedMessage" WHERE ${keys} IN (SELECT "messageId", "consumer" FROM "ProcessedMessage" WHERE ${old})`,
  )
}

const claims = { postgresql: claim('postgresql'), mysql: claim('mysql'), sqlite: claim('sqlite') }
const purges = { postgresql: purge('postgresql'), mysql: purge('mysql'), sqlite: purge('sqlite') }
