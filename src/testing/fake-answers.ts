import type { FakeQuery } from './fake-connection.js'

/** What a query answers where nobody says: the row that it was given, or the answer of an empty table. */
export function answerTo({ operation, args }: FakeQuery): unknown {
  const { data, create } = (args ?? {}) as { readonly data?: unknown; readonly create?: unknown }
  if (operation === 'create' || operation === 'update') return copyOf(data)
  if (operation === 'upsert') return copyOf(create)
  if (operation === 'count' || operation.startsWith('$executeRaw')) return 0
  if (operation === 'createMany') return { count: Array.isArray(data) ? data.length : 1 }
  if (operation === 'updateMany' || operation === 'deleteMany') return { count: 0 }
  if (operation.endsWith('AndReturn')) return (Array.isArray(data) ? data : []).map(copyOf)
  if (operation === 'findMany' || operation === 'groupBy' || operation.startsWith('$queryRaw')) return []
  return operation === 'aggregate' ? {} : null
}

const copyOf = (row: unknown): unknown => (typeof row === 'object' && row !== null ? { ...row } : row)
