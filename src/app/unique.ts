import { ConflictError } from './errors.js'

/** For `.catch()`: turns the violation of a unique constraint into a conflict that says what it means here. */
export const conflictIfTaken =
  (message: string) =>
  (error: unknown): never => {
    if (error instanceof Error && 'code' in error && error.code === 'P2002')
      throw new ConflictError(message, { cause: error })
    throw error
  }
