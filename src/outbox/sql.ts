import type { Provider } from './database.js'

type ColumnType = 'bigint' | 'int' | 'text'

/** The words that databases say differently. A placeholder is `?` and stands for one parameter each time. */
export interface Sql {
  /** The time of the database, in UTC: no other clock decides about leases and backoff. */
  readonly now: string
  /** That time, and some milliseconds. */
  readonly later: (milliseconds: string) => string
  /** A JSON text as a table, in its order. */
  readonly rows: (columns: Readonly<Record<string, ColumnType>>) => string
  /** Whether a column's text is one of a JSON array of texts. */
  readonly oneOf: (column: string) => string
  readonly asText: (column: string) => string
  /** A column's time, also for a driver that would read it as one of the process's time zone. */
  readonly asTime: (column: string) => string
  /** That a column is one of some words, however rare they were when the table was analyzed. */
  readonly anyOf: (words: readonly string[]) => string
  /** That an id is one of those that a SELECT answers: looked up one by one, however many it is expected to answer. */
  readonly among: (select: string) => string
  /** A placeholder for an id, which is given as text. */
  readonly id: string
  /** Passes over rows that somebody else is about to change. */
  readonly skipLocked: string
  /** With the marks of this database for names and parameters. */
  readonly finish: (sql: string) => string
}

const postgresql: Sql = {
  // Whole milliseconds, as the columns have them: a time that is rounded up would lie ahead.
  now: `date_trunc('milliseconds', statement_timestamp() AT TIME ZONE 'UTC')`,
  later: (ms) => `(${postgresql.now} + CAST(${ms} AS double precision) * interval '1 millisecond')`,
  rows: (columns) =>
    `json_to_recordset(CAST(? AS json)) AS d(${Object.entries(columns)
      .map(([name, type]) => `"${name}" ${type}`)
      .join(', ')})`,
  oneOf: (column) => `${column} = ANY(ARRAY(SELECT json_array_elements_text(CAST(? AS json))))`,
  asText: (column) => `CAST(${column} AS text)`,
  asTime: (column) => `${column} AT TIME ZONE 'UTC'`,
  // As constants they may be expected nowhere: then the index by status is read from end to end, for each message.
  anyOf: (words) => `= ANY(ARRAY(SELECT unnest(CAST('{${words.join(',')}}' AS text[]))))`,
  among: (select) => `= ANY(ARRAY(${select}))`,
  id: 'CAST(? AS bigint)',
  skipLocked: 'FOR UPDATE SKIP LOCKED',
  finish: (sql) => {
    let number = 0
    return sql.replaceAll('?', () => `$${++number}`)
  },
}

const oneOfConstants = (words: readonly string[]): string => `IN (${words.map((word) => `'${word}'`).join(', ')})`

const sqliteTime = (modifier = ''): string => `strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'${modifier})`

const sqlite: Sql = {
  now: sqliteTime(), // as Prisma's adapters write it, so that it can be compared with theirs
  later: (ms) => sqliteTime(`, printf('%.3f seconds', ${ms} / 1000.0)`),
  rows: (columns) =>
    `(SELECT ${Object.keys(columns)
      .map((name) => `value ->> '${name}' AS "${name}"`)
      .join(', ')} FROM json_each(?)) AS d`,
  oneOf: (column) => `${column} IN (SELECT value FROM json_each(?))`,
  asText: (column) => `CAST(${column} AS text)`,
  asTime: (column) => column,
  anyOf: oneOfConstants,
  among: (select) => `IN (${select})`,
  id: 'CAST(? AS bigint)',
  skipLocked: '', // it has one writer at a time
  finish: (sql) => sql,
}

const mysqlTypes = { bigint: 'BIGINT', int: 'INT', text: 'LONGTEXT' } as const

const mysql: Sql = {
  now: 'UTC_TIMESTAMP(3)',
  later: (ms) => `(UTC_TIMESTAMP(3) + INTERVAL (${ms}) * 1000 MICROSECOND)`,
  rows: (columns) =>
    `JSON_TABLE(?, '$[*]' COLUMNS (${Object.entries(columns)
      .map(([name, type]) => `"${name}" ${mysqlTypes[type]} PATH '$.${name}'`)
      .join(', ')})) AS d`,
  oneOf: (column) => `JSON_CONTAINS(?, JSON_QUOTE(${column}))`,
  asText: (column) => `CAST(${column} AS char)`,
  asTime: (column) => column,
  anyOf: oneOfConstants,
  among: (select) => `IN (${select})`,
  id: 'CAST(? AS signed)',
  skipLocked: 'FOR UPDATE SKIP LOCKED',
  finish: (sql) => sql.replaceAll('"', '`'),
}

export const sqlOf: Readonly<Record<Provider, Sql>> = { postgresql, sqlite, mysql }
