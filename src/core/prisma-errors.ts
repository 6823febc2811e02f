/** The code with which the database itself answered, from wherever Prisma keeps it: SQLSTATE, or the number of MariaDB or SQLite. */
export function databaseCode(error: unknown): string | undefined {
  const { meta, cause } = (error ?? {}) as { meta?: { driverAdapterError?: { cause?: unknown } }; cause?: unknown }
  const { originalCode } = (meta?.driverAdapterError?.cause ?? cause ?? {}) as { originalCode?: unknown }
  return typeof originalCode === 'string' ? originalCode : undefined
}

/** Whether the database has failed a query. What Prisma refuses to send, or finds nothing for, does a transaction no harm. */
export function isDatabaseFailure(error: unknown): boolean {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown }
  return code !== 'P2025' && name !== 'PrismaClientValidationError'
}

/** Whether a failed query may have aborted its transaction. Only PostgreSQL does that, and its codes have five characters. */
export function mayHaveAborted(error: unknown): boolean {
  return (databaseCode(error)?.length ?? 5) === 5
}

/**
 * Whether an error at COMMIT means that the transaction has certainly rolled back: the database refused, or COMMIT was never sent.
 * Codes that only say that the connection or the server went away meanwhile (SQLSTATE 08…, 57P…, 40003, 58…; MariaDB 1053, 1927,
 * 2006, 2013, 45… except 45013, "cannot execute new commands") leave it open.
 */
export function isRefusal(error: unknown): boolean {
  const { code: own, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  // libsql hands its own error through at COMMIT. SQLite runs in this process, so only a disk that fails leaves it open.
  if (typeof own === 'string' && /^(P2028|TRANSACTION_CLOSED|SQLITE_(?!IOERR).*)$/.test(own)) return true
  // pg, on a connection that it knew to be lost before it sent anything. This error has no code.
  if (typeof message === 'string' && message.endsWith('is not queryable')) return true
  const code = databaseCode(error)
  return code !== undefined && !/^(08...|57P..|40003|58...|1053|1927|2006|2013|45(?!013)...)$/.test(code)
}
