import { describeError } from '../core/failure-log.js'

/** What was thrown, or is logged, as it goes from one thread to another. */
export interface Packed {
  readonly error?: PackedError
  /** Of anything but an error: itself where it can be cloned, else a text. */
  readonly value?: unknown
}

interface PackedError {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly more: readonly (readonly [key: string, value: Packed])[]
}

/**
 * What the structured clone of an error loses and somebody reads: `originalError` is how p-retry's AbortError is known, which says
 * that the task is not to be tried again.
 */
const kept = ['code', 'cause', 'originalError'] as const

/** As many errors as an error may have behind it; one may be its own cause. */
const maxDepth = 8

export function pack(thrown: unknown, depth = 0): Packed {
  const { errorName, errorMessage, errorStack } = describeError(thrown)
  try {
    if (!(thrown instanceof Error)) return { value: structuredClone(thrown) }
  } catch {
    return { value: errorMessage }
  }
  const more = depth < maxDepth ? kept.flatMap((key) => read(thrown, key, depth)) : []
  return { error: { name: errorName ?? 'Error', message: errorMessage ?? '', stack: errorStack ?? undefined, more } }
}

function read(error: Error, key: string, depth: number): [key: string, value: Packed][] {
  try {
    return key in error ? [[key, pack(Reflect.get(error, key), depth + 1)]] : []
  } catch {
    return [] // a getter of it throws
  }
}

export function unpack({ error: packed, value }: Packed): unknown {
  if (!packed) return value
  const { name, message, stack, more } = packed
  const error = new Error(message)
  const properties = [
    ['name', name],
    ['stack', stack],
    ...more.map(([key, each]) => [key, unpack(each)] as const),
  ] as const
  for (const [key, each] of properties) {
    Object.defineProperty(error, key, { value: each, configurable: true, writable: true, enumerable: key === 'code' })
  }
  return error
}
