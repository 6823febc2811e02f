/** The shop says no, for a reason that the caller can understand. */
export abstract class ShopError extends Error {
  /** What HTTP calls it. */
  abstract readonly status: number
  override get name(): string {
    return this.constructor.name
  }
}

/** What came in cannot be used. */
export class InvalidInputError extends ShopError {
  readonly status = 400
}

/** What the request speaks of does not exist. */
export class NotFoundError extends ShopError {
  readonly status = 404
}

/** The request contradicts what is already there: sold out, bought before, nothing to publish. */
export class ConflictError extends ShopError {
  readonly status = 409
}

/** The caller asks too often. */
export class TooManyRequestsError extends ShopError {
  readonly status = 429
}

/** A partner answered with an error. */
export class PartnerError extends ShopError {
  readonly status = 502
}
