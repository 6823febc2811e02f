import type { FailureRecord } from '../core/failure-log.js'

/** What is looked at of a client: its raw queries, and where Prisma happens to keep how the model is called in the database. */
export interface RawClient {
  $executeRawUnsafe(sql: string, ...values: unknown[]): PromiseLike<unknown>
  $queryRawUnsafe(sql: string, ...values: unknown[]): PromiseLike<unknown>
  readonly _activeProvider?: string
  readonly _runtimeDataModel?: { readonly models?: { readonly TaskFailure?: Named & { readonly fields: Field[] } } }
}

interface Named {
  /** Only what `@map` and `@@map` have changed. */
  readonly dbName?: string | null
  readonly schema?: string | null
}

type Field = Named & { readonly name: keyof FailureRecord }

type Rows = readonly FailureRecord[]
type Insert = (client: RawClient, rows: Rows) => PromiseLike<unknown>

const dialects: Record<string, { readonly quote: string; readonly parameter: (n: number) => string }> = {
  postgresql: { quote: '"', parameter: (n) => `$${n}` },
  postgres: { quote: '"', parameter: (n) => `$${n}` },
  sqlite: { quote: '"', parameter: () => '?' },
  mysql: { quote: '`', parameter: () => '?' },
}

/**
 * INSERTs past Prisma's query compiler, which works on each `createMany` for as long as ten of these take, and holds the event
 * loop meanwhile. It trusts nothing that Prisma does not promise: the names and the encoding count as known only after a raw SELECT
 * has found, value by value, a row that Prisma has stored.
 */
export class RawInsert {
  #insert: Insert | undefined
  #chances = 3

  get learning(): boolean {
    return !this.#insert && this.#chances > 0
  }

  /** Answers whether it has stored them. */
  async insert(client: RawClient, rows: Rows): Promise<boolean> {
    try {
      await this.#insert?.(client, rows)
      return this.#insert !== undefined
    } catch {
      return false // Prisma's own way knows better what is wrong
    }
  }

  /** @param stored What Prisma has just stored, and `insert` has not. */
  async learn(client: RawClient, stored: FailureRecord): Promise<void> {
    this.#insert = undefined
    if (this.#chances-- <= 0) return
    try {
      this.#insert = await learn(client, stored)
    } catch {
      // It goes on without.
    }
  }
}

async function learn(client: RawClient, stored: FailureRecord): Promise<Insert | undefined> {
  const model = client._runtimeDataModel?.models?.TaskFailure
  const dialect = dialects[client._activeProvider ?? '']
  // A field that is not ours may have a value that Prisma makes.
  if (!dialect || !model?.fields.every(({ name }) => name in stored)) return undefined
  const { fields, schema } = model
  const { quote, parameter } = dialect
  const quoted = (name: string): string => quote + name.replaceAll(quote, quote + quote) + quote
  const column = (field: Field): string => quoted(field.dbName ?? field.name)
  const table = (schema ? `${quoted(schema)}.` : '') + quoted(model.dbName ?? 'TaskFailure')
  const start = `INSERT INTO ${table} (${fields.map(column).join(', ')}) VALUES `

  const filled = fields.filter(({ name }) => stored[name] !== null)
  const conditions = filled.map((field, index) => `${column(field)} = ${parameter(index + 1)}`)
  const query = `SELECT 1 AS found FROM ${table} WHERE ${conditions.join(' AND ')}`
  const found = await client.$queryRawUnsafe(query, ...filled.map(({ name }) => stored[name]))
  if ((found as unknown[]).length !== 1) return undefined

  return (to, rows) => {
    let n = 0
    const places = rows.map(() => `(${fields.map(() => parameter(++n)).join(', ')})`)
    const values = rows.flatMap((row) => fields.map(({ name }) => row[name]))
    return to.$executeRawUnsafe(start + places.join(', '), ...values)
  }
}
