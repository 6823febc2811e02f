/** The code with which the database itself answered, from wherever Prisma keeps it: SQLSTATE, or the number of MariaDB or SQLite. */
export function databaseCode(error: unknown): string | undefined {
  const { meta, cause } = (error ?? {}) as { meta?: { driverAdapterError?: { cause?: unknown } }; cause?: unknown }
  const { originalCode } = (meta?.driverAdapterError?.cause ?? cause ?? {}) as { originalCode?: unknown }
  return typeof originalCode === 'string' ? originalCode : undefined
}

/** Whether a failed query may have aborted its transaction. Only PostgreSQL does that, and its codes have five characters. */
export function mayHaveAborted(error: unknown): boolean {
  return (databaseCode(error)?.length ?? 5) === 5
}

/**
 * Whether an error at COMMIT is the database's own verdict, so that the transaction has certainly rolled back. Codes that only
 * say that the connection or the server went away (SQLSTATE 08…, 57P…, 40003, 58…; MariaDB 1053, 1927, 2006, 2013, 45…) are none.
 */
export function isRefusal(error: unknown): boolean {
  const { code: own } = (error ?? {}) as { code?: unknown }
  // libsql hands its own error through at COMMIT. SQLite runs in this process, so only a disk that fails leaves it open.
  if (own === 'P2028' || (typeof own === 'string' && /^SQLITE_(?!IOERR)/.test(own))) return true
  const code = databaseCode(error)
  return code !== undefined && !/^(08...|57P..|40003|58...|1053|1927|2006|2013|45...)$/.test(code)
}
