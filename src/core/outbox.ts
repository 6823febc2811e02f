/** A durable task as the outbox stores it: one row. */
export interface OutboxMessage {
  /** UUIDv7, made at registration; also the id of the handle. The same for every delivery. */
  readonly messageId: string
  /** The name of the task or of the event. */
  readonly messageType: string
  /** JSON text, empty for a task without a payload. */
  readonly payload: string
  /** Messages of a key are handled one at a time, in the order of their commits. */
  readonly key: string | null
  /** JSON text of an object: the request id, and what the application adds. */
  readonly headers: string | null
}

/** All that core knows of an outbox. `createOutbox` of `after-commit/outbox` makes one. */
export interface Outbox {
  /** At the registration, so that the transaction decides. @throws PayloadError for what cannot be stored. */
  message(
    task: Omit<OutboxMessage, 'messageId' | 'headers'> & {
      readonly requestId: string | undefined
      /** The names of the tasks that hear of the event that it is, as far as this process knows. */
      readonly subscribers?: readonly string[]
    },
  ): OutboxMessage
  /** Stores all of them or rejects: through `tx`, just before its COMMIT, or on their own. */
  insert(messages: readonly OutboxMessage[], tx?: object): Promise<void>
  /** The same as a PrismaPromise, for the array form of `$transaction`. */
  statement(message: OutboxMessage): object
  /** Messages of this process are committed: whoever relays here can claim them now. */
  wake(): void
}
