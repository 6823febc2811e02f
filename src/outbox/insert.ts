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
 * The statements that store messages. Their text is the same for one row and for any number, so that nothing is compiled anew.
 *
 * Ids are given before commits, and the claim handles a key by ids. So whoever stores a message with a key takes the lock of that
 * key before its id, and keeps it until the end of the transaction: the ids of a key are in the order of its commits. Taken in the
 * same order by all, so that no two wait for each other.
 */
interface Statements {
  /** One message, without a key: what most transactions store, and a third cheaper than a table that is made of JSON. */
  readonly one: string
  readonly plain: string
  /** In front of an INSERT with keys, where it cannot be a part of it. */
  readonly lock?: string
  readonly keyed: string
}

const names = Object.keys(columns) as (keyof typeof columns)[]
const into = [...names, 'status', 'occurredAt', 'availableAt'].map((name) => `"${name}"`).join(', ')
const values = (own: readonly string[], provider: Provider, occurredAt = sqlOf[provider].now): string =>
  [...own, `'pending'`, occurredAt, sqlOf[provider].now].join(', ')

/** The INSERT of rows of `d`, up to their table. @param occurredAt An expression. */
export function insertFrom(provider: Provider, occurredAt?: string): string {
  const own = names.map((name) => `d."${name}"`)
  return `INSERT INTO "OutboxMessage" (${into}) SELECT ${values(own, provider, occurredAt)} FROM`
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
  const placeholders = names.map(() => '?')
  const one = finish(`INSERT INTO "OutboxMessage" (${into}) VALUES (${values(placeholders, provider)})`)
  const plain = finish(`${insert} ${rows(columns)}`)
  if (provider === 'postgresql') {
    const keyed = finish(`
      WITH d AS MATERIALIZED (SELECT * FROM ${rows(columns)}), ${keyLocks}
      ${insert} d WHERE ${locked}`)
    return { one, plain, keyed }
  }
  if (provider === 'sqlite') return { one, plain, keyed: plain } // one writer at a time, from its first statement to its commit
  return { one, plain, lock: bucketLocks, keyed: plain }
}

const statements: Readonly<Record<Provider, Statements>> = {
  postgresql: statementsOf('postgresql'),
  mysql: statementsOf('mysql'),
  sqlite: statementsOf('sqlite'),
}

const hasKey = ({ key }: OutboxMessage): boolean => key !== null

/** The statement that stores messages, and its parameters. */
function insertOf(provider: Provider, messages: readonly OutboxMessage[]): [sql: string, ...parameters: unknown[]] {
  const { one, plain, keyed } = statements[provider]
  const [first] = messages
  if (messages.some(hasKey)) return [keyed, JSON.stringify(messages)]
  if (messages.length === 1 && first) return [one, ...names.map((name) => first[name])]
  return [plain, JSON.stringify(messages)]
}

/** Stores messages in the transaction of `client`, which must be one where they have keys. */
export async function insertMessages(
  client: RawClient,
  provider: Provider,
  messages: readonly OutboxMessage[],
): Promise<void> {
  const { lock } = statements[provider]
  if (lock !== undefined && messages.some(hasKey)) await client.$executeRawUnsafe(lock, JSON.stringify(messages))
  await client.$executeRawUnsafe(...insertOf(provider, messages))
}

/** Whether one statement is not enough for them. */
export const needsTransaction = (provider: Provider, messages: readonly OutboxMessage[]): boolean =>
  statements[provider].lock !== undefined && messages.some(hasKey)

/** The one statement that stores a message. */
export function insertStatement(client: RawClient, provider: Provider, message: OutboxMessage): object {
  return client.$executeRawUnsafe(...insertOf(provider, [message]))
}
