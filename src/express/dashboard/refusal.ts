import type { AfterCommitErrorCode } from '../../core/index.js'

/** A request that is answered with a status and a sentence, and nothing else. */
export class Refusal extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** An error of this library, by its code as everywhere: it may come from another copy. */
export function isOurs(error: unknown): error is Error & { readonly code: AfterCommitErrorCode } {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('ERR_')
}
