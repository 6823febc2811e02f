import type { OutboxMessage } from '../core/outbox.js'
import { type RawClient, throughPrisma, type Provider } from './database.js'
import { insertMessages } from './insert.js'
import { sqlOf } from './sql.js'

/** A message that has used up its attempts, or that no relay knows a task for. */
export interface DeadMessage extends OutboxMessage {
  /** The row's id, a bigint as text. */
  readonly id: string
  readonly occurredAt: Date | string
  readonly attempts: number
  readonly failCount: number
  readonly lastError: string | null
}

export interface DeadMessages {
  /** Oldest first. `after`: the id of the last one of the page before. @default limit 100 */
  list(page?: { readonly limit?: number; readonly after?: string }): Promise<readonly DeadMessage[]>
  /** Gives it all its attempts again. @returns Whether it was dead: of all who ask at once, one is answered true. */
  retry(id: string): Promise<boolean>
  /** Deletes it, so that what waits behind it goes on. @returns Whether it was dead. */
  discard(id: string): Promise<boolean>
}

export interface DeadSettings {
  /** Called late: the client is made from what owns this. */
  readonly client: () => RawClient
  readonly provider: () => Provider
  readonly afterDead: 'block' | 'skip'
  readonly wake: () => void
}

type Transact = (this: RawClient, run: (tx: RawClient) => Promise<boolean>) => Promise<boolean>

export function deadMessages({ client, provider, afterDead, wake }: DeadSettings): DeadMessages {
  const remove = (from: RawClient, id: string): Promise<boolean> =>
    change(from, `DELETE FROM "OutboxMessage" WHERE ${isDead(provider())}`, id)
  const putBack = (id: string): Promise<boolean> => {
    const fresh = `"status" = 'pending', "attempts" = 0, "availableAt" = ${sqlOf[provider()].now}, "processedAt" = NULL`
    return change(client(), `UPDATE "OutboxMessage" SET ${fresh} WHERE ${isDead(provider())}`, id)
  }
  const change = async (at: RawClient, sql: string, id: string): Promise<boolean> =>
    (await at.$executeRawUnsafe(sqlOf[provider()].finish(sql), id)) === 1

  async function find(where: string, limit: number, ...params: unknown[]): Promise<readonly DeadMessage[]> {
    const { asText, asTime, finish } = sqlOf[provider()]
    const names = ['messageId', 'messageType', 'key', 'payload', 'headers', 'attempts', 'failCount', 'lastError']
    const own = [`${asText('m."id"')} AS "id"`, `${asTime('m."occurredAt"')} AS "occurredAt"`]
    const columns = [...own, ...names.map((name) => `m."${name}"`)].join(', ')
    const sql = `SELECT ${columns} FROM "OutboxMessage" AS m WHERE m."status" = 'dead' AND ${where} ORDER BY m."id" LIMIT ${limit}`
    return (await throughPrisma(client(), provider()).query(finish(sql), ...params)) as unknown as DeadMessage[]
  }

  /** Where others have gone past it, it comes behind them: in its old place it could run beside the one that runs now. */
  async function moveToEnd(id: string): Promise<boolean> {
    const [message] = await find(`m."id" = ${sqlOf[provider()].id}`, 1, id)
    if (!message) return false
    const { messageId, messageType, key, payload, headers } = message
    const move = async (tx: RawClient): Promise<boolean> => {
      if (!(await remove(tx, id))) return false
      await insertMessages(tx, provider(), [{ messageId, messageType, key, payload, headers }])
      return true
    }
    return await (client().$transaction as Transact).call(client(), move)
  }

  return {
    list: ({ limit = 100, after = '0' } = {}) => find(`m."id" > ${sqlOf[provider()].id}`, Math.trunc(limit), after),
    async retry(id) {
      const retried = await (afterDead === 'skip' ? moveToEnd(id) : putBack(id))
      if (retried) wake()
      return retried
    },
    async discard(id) {
      const discarded = await remove(client(), id)
      if (discarded) wake()
      return discarded
    },
  }
}

const isDead = (provider: Provider): string => `"id" = ${sqlOf[provider].id} AND "status" = 'dead'`
