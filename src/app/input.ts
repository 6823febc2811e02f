import { InvalidInputError } from './errors.js'

const field = (body: unknown, name: string): unknown =>
  typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[name] : undefined

/** A positive integer of a body or of a path. */
export function idOf(source: unknown, name: string): number {
  const value = field(source, name)
  // Path parameters are text.
  const id = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
  // The ids of the tables are 32 bits wide.
  if (typeof id === 'number' && Number.isInteger(id) && id > 0 && id < 2 ** 31) return id
  throw new InvalidInputError(`Expected ${name} to be a positive integer, got ${JSON.stringify(value)}`)
}

/** An e-mail address of a body; a mail that nobody can have is refused, a real check is the mail that one sends. */
export function emailOf(source: unknown, name: string): string {
  const value = field(source, name)
  if (typeof value === 'string' && /^[^\s@]+@[^\s@]+$/.test(value) && value.length <= 254) return value
  throw new InvalidInputError(`Expected ${name} to be an e-mail address, got ${JSON.stringify(value)}`)
}
