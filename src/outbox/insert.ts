import type { OutboxMessage } from '../core/outbox.js'
import type { Provider, RawClient } from './database.js'
import { sqlOf } from './sql.js'

/** What a message is stored with. */
export const columns = {
  messageId: 'text',
  messageType: 'text',
  key: 'text',
  payload: 'text',
  headers: 'text',
} as const

/** How many locks the keys share on MySQL and MariaDB: enough that two keys seldom have the same one. */
const buckets = 1_024

/**
 * The statements that store messages. Their text is the same for any number of rows, so that nothing is compiled anew.
 *
 * Ids are given before commits, and the claim handles a key by ids. So whoever stores a message with a key takes the lock of that
 * key before its id, and keeps it until the end of the transaction: the ids of a key are in the order of its commits. Taken in the
 * same order by all, so that no two wait for each other.
 */
interface Statements {
  readonly plain: string
  /** In front of an INSERT with keys, where it cannot be a part of it. */
  readonly lock?: string
  readonly keyed: string
}

const names = Object.keys(columns)

/** The INSERT of rows of `d`, up to their table. @param occurredAt An expression. */
export function insertFrom(provider: Provider, occurredAt = sqlOf[provider].now): string {
  const into = [...names, 'status', 'occurredAt', 'availableAt'].map((name) => `"${name}"`).join(', ')
  const values = [...names.map((name) => `d."${name}"`), `'pending'`, occurredAt, sqlOf[provider].now].join(', ')
  return `INSERT INTO "OutboxMessage" (${into}) SELECT ${values} FROM`
}

/** PostgreSQL: the locks of the keys of `d`, as parts of a WITH. They are taken before a row is made where `locked` is asked. */
export const keyLocks = `
  keys AS MATERIALIZED (
    SELECT DISTINCT hashtextextended('after-commit' || "key", 0) AS hash FROM d WHERE "key" IS NOT NULL ORDER BY hash
  ),
  locks AS MATERIALIZED (SELECT pg_advisory_xact_lock(hash) FROM keys)`
export const locked = '(SELECT count(*) FROM locks) >= 0'

/** MySQL and MariaDB: takes the locks of the keys of the messages in a JSON text. */
export const bucketLocks = sqlOf.mysql.finish(`
  INSERT INTO "OutboxLock" ("bucket")
  SELECT DISTINCT CRC32(LOWER(d."key")) % ${buckets} AS "b" FROM ${sqlOf.mysql.rows({ key: 'text' })}
  WHERE d."key" IS NOT NULL ORDER BY "b"
  ON DUPLICATE KEY UPDATE "bucket" = VALUES("bucket")`)

function statementsOf(provider: Provider): Statements {
  const { rows, finish } = sqlOf[provider]
  const insert = insertFrom(provider)
  const plain = finish(`${insert} ${rows(columns)}`)
  if (provider === 'postgresql') {
    const keyed = finish(`
      WITH d AS MATERIALIZED (SELECT * FROM ${rows(columns)}), ${keyLocks}
      ${insert} d WHERE ${locked}`)
    return { plain, keyed }
  }
  if (provider === 'sqlite') return { plain, keyed: plain } // one writer at a time, from its first statement to its commit
  return { plain, lock: bucketLocks, keyed: plain }
}

const statements: Readonly<Record<Provider, Statements>> = {
  postgresql: statementsOf('postgresql'),
  mysql: statementsOf('mysql'),
  sqlite: statementsOf('sqlite'),
}

const hasKey = ({ key }: OutboxMessage): boolean => key !== null

/** Stores messages in the transaction of `client`, which must be one where they have keys. */
export async function insertMessages(
  client: RawClient,
  provider: Provider,
  messages: readonly OutboxMessage[],
): Promise<void> {
  const { plain, lock, keyed } = statements[provider]
  const json = JSON.stringify(messages)
  const withKeys = messages.some(hasKey)
  if (withKeys && lock !== undefined) await client.$executeRawUnsafe(lock, json)
  await client.$executeRawUnsafe(withKeys ? keyed : plain, json)
}

/** Whether one statement is not enough for them. */
export const needsTransaction = (provider: Provider, messages: readonly OutboxMessage[]): boolean =>
  statements[provider].lock !== undefined && messages.some(hasKey)

/** The one statement that stores a message. */
export function insertStatement(client: RawClient, provider: Provider, message: OutboxMessage): object {
  const { plain, keyed } = statements[provider]
  return client.$executeRawUnsafe(hasKey(message) ? keyed : plain, JSON.stringify([message]))
}
