import { PrismaMariaDb } from '@prisma/adapter-mariadb'
import { createConnection, createPool } from 'mariadb'
import type { Database, Row, Server } from './servers.js'

const address = process.env['MARIADB_URL'] ?? 'mysql://root@127.0.0.1:3306/'

export const mariadb: Server = {
  name: 'mariadb',
  provider: 'mysql',
  address,
  ping: async () => {
    await admin('SELECT 1')
  },
  create,
  list: async (prefix) =>
    (await admin(`SELECT schema_name AS name FROM information_schema.schemata`))
      .map((row) => String(row['name']))
      .filter((name) => name.startsWith(prefix)),
  drop: async (database) => {
    await admin(`DROP DATABASE IF EXISTS \`${database}\``)
  },
}

function login() {
  const { hostname, port, username, password } = new URL(address)
  return {
    host: hostname,
    port: Number(port || 3306),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    connectTimeout: 3_000,
  }
}

async function admin(sql: string): Promise<Row[]> {
  const connection = await createConnection(login())
  try {
    return await connection.query<Row[]>(sql)
  } finally {
    await connection.end()
  }
}

async function create(database: string): Promise<Database> {
  await admin(`CREATE DATABASE \`${database}\` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`)
  const url = new URL(address)
  url.pathname = database
  const pool = createPool({
    ...login(),
    database,
    connectionLimit: 2,
    minimumIdle: 1, // with 0 it never opens one
    multipleStatements: true,
    timezone: 'Z', // Prisma stores UTC
    bigIntAsNumber: true, // `count(*)`
    decimalAsNumber: true, // `sum(x)`
    // One SQL for all databases: "Order" is a table, not a text.
    initSql: `SET SESSION sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES')`,
  })

  return {
    url: url.href,
    // The pool would open all its connections at once.
    newAdapter: (connections) =>
      new PrismaMariaDb({ ...login(), database, connectionLimit: connections, minimumIdle: 1 }),
    query: async (sql, params) => [...(await pool.query<Row[]>(sql, params))],
    execute: async (sql) => {
      await pool.query(sql)
    },
    empty: async () => {
      const tables = await pool.query<{ name: string }[]>(
        `SELECT table_name AS name FROM information_schema.tables
         WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' AND table_name <> '_prisma_migrations'`,
      )
      const deletes = tables.map((table) => `DELETE FROM "${table.name}";`)
      await pool.query(`SET foreign_key_checks = 0; ${deletes.join(' ')} SET foreign_key_checks = 1;`)
    },
    close: async () => {
      await pool.end()
      await mariadb.drop(database)
    },
  }
}
