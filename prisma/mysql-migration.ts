// Prisma's WebAssembly engine does not write MySQL, and its native engine can not be downloaded everywhere. So a MySQL
// migration is PostgreSQL's in other words, line by line. It stops at a line that it does not know: write that one by
// hand. test/prisma/migrations.test.ts compares the tables that both make.

const types = new Map([
  ['TEXT', 'VARCHAR(191)'],
  ['INTEGER', 'INTEGER'],
  ['SERIAL', 'INTEGER'],
  ['BIGINT', 'BIGINT'],
  ['BIGSERIAL', 'BIGINT'],
  ['BOOLEAN', 'BOOLEAN'],
  ['DOUBLE PRECISION', 'DOUBLE'],
  ['TIMESTAMP(3)', 'DATETIME(3)'],
  ['JSONB', 'JSON'],
  ['BYTEA', 'LONGBLOB'],
])

const rules: [RegExp, string][] = [
  [/^(-- .*)?$/, '$&'],
  [/^CREATE TABLE "\w+" \($/, '$&'],
  [/^ +CONSTRAINT "\w+" (PRIMARY KEY \(.*\))$/, '    $1'],
  [/^\);$/, ') DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;'],
  [/^CREATE (UNIQUE )?INDEX "\w+" ON "\w+"\([^()]*\);$/, '$&'],
  [/^ALTER TABLE "\w+" ADD CONSTRAINT "\w+" FOREIGN KEY .*;$/, '$&'],
  [/^DROP TABLE "\w+";$/, '$&'],
  [/^DROP INDEX "([A-Za-z]+)(_\w+)";$/, 'DROP INDEX "$1$2" ON "$1";'], // Prisma's names begin with the table
]

const column =
  /^( +|(?:ALTER TABLE "\w+" )?ADD COLUMN +)"(\w+)" ([A-Z][A-Z ]*?(?:\(\d+\))?)( NOT NULL)?( DEFAULT .*?)?([,;]?)$/

/** @param schema the MySQL schema, for the columns that have a `@db.` type */
export function toMysql(postgresql: string, schema: string): string {
  let table = ''
  return postgresql
    .replace(/^-- CreateSchema\n.*\n\n/m, '')
    .split('\n')
    .map((line) => {
      table = /TABLE "(\w+)"/.exec(line)?.[1] ?? table
      return lineToMysql(line, table, schema).replaceAll('"', '`')
    })
    .join('\n')
}

function lineToMysql(line: string, table: string, schema: string): string {
  const rule = rules.find(([pattern]) => pattern.test(line))
  if (rule) return line.replace(...rule)

  const [, before, name, type, notNull = '', byDefault = '', end] = column.exec(line) ?? []
  const mysqlType = nativeType(schema, table, name ?? '') ?? types.get(type ?? '')
  if (mysqlType === undefined) throw new Error(`Write this line of the MySQL migration by hand: ${line}`)
  const serial = type?.endsWith('SERIAL') ? ' AUTO_INCREMENT' : ''
  return `${before}"${name}" ${mysqlType}${notNull}${serial}${byDefault.replace(/CURRENT_TIMESTAMP$/, '$&(3)')}${end}`
}

function nativeType(schema: string, table: string, name: string): string | undefined {
  const line = new RegExp(`model ${table} \\{[^}]*?\\n +${name} .*@db\\.(\\w+)`)
  return line.exec(schema)?.[1]?.toUpperCase()
}
