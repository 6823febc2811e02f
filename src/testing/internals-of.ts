import type { AfterCommit } from '../core/face.js'
import { OptionsError } from '../core/errors.js'
import { type Internals, internals } from '../core/internals.js'

/** The workings of an instance. @throws OptionsError for anything that `createAfterCommit` has not made. */
export function internalsOf(afterCommit: AfterCommit): Internals {
  const found = (afterCommit as Partial<Record<typeof internals, Internals>> | null | undefined)?.[internals]
  if (!found) throw OptionsError.expected('afterCommit', 'what createAfterCommit returned', afterCommit)
  return found
}
