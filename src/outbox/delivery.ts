import { Attempt, type AttemptSettings, type Failure } from '../core/attempt.js'
import type { ContextCarrier } from '../core/context.js'
import { storedParts } from '../core/define-task.js'
import type { Queues } from '../core/queues.js'
import type { OutboxMessage } from '../core/outbox.js'
import { type DefinedTask, Task } from '../core/task.js'
import { isKnownEvent, messagesFrom } from './fan-out.js'
import { type ClaimedMessage, readHeaders } from './message.js'

export interface DeliverySettings {
  readonly queues: Queues
  readonly context: ContextCarrier
  readonly attempts: Omit<AttemptSettings, 'onEnd'>
  readonly timeout: number
}

/** A message in the hands of this process, from its claim until what became of it is written. */
export class Delivery {
  readonly message: ClaimedMessage
  /** By performance.now(): later than that it may be somebody else's. */
  leasedUntil: number
  state: 'claimed' | 'running' | 'ended' | 'lost' = 'claimed'
  readonly task: Task
  readonly #settings: DeliverySettings
  readonly #defined: DefinedTask
  #attempt: Attempt | undefined

  constructor(message: ClaimedMessage, defined: DefinedTask, leasedUntil: number, settings: DeliverySettings) {
    const { queues, context } = settings
    const parts = storedParts(defined, message.payload)
    // The subscribers of an event have its message in common, but each is a task: what one has done is not done by another.
    const taskId = `${message.messageId}:${message.messageType}`
    const own = {
      ...parts,
      source: { ...parts.source, message: defined.event ? { ...message, taskId } : message },
    }
    this.message = message
    this.#defined = defined
    this.leasedUntil = leasedUntil
    this.#settings = settings
    this.task = context.capture(Task, queues.runnable(own), queues.of(own), requestIdOf(message), 0)
    this.task.attempts = this.attempts - 1
    this.task.state = 'waiting'
  }

  get held(): { readonly heldId: string; readonly heldToken: number } {
    return { heldId: this.message.id, heldToken: this.message.token }
  }

  get isEvent(): boolean {
    return isKnownEvent(this.#defined)
  }

  /** Of an event: what its subscribers are given in its place. */
  get messages(): readonly OutboxMessage[] | undefined {
    return messagesFrom(this.message, this.#defined)
  }

  /** The attempts that count, this one included: a suspect's was counted when it was claimed. */
  get attempts(): number {
    return this.message.attempts + (this.message.suspect ? 0 : 1)
  }

  /** @param onEnd Called once, perhaps before this returns, unless it is given up first. */
  start(onEnd: (delivery: Delivery, failure: Failure | undefined) => void): void {
    const { attempts, timeout } = this.#settings
    this.state = 'running'
    this.task.state = 'running'
    const onAttempted = (_: Task, failure: Failure | undefined): void => {
      if (this.state !== 'running') return
      this.state = 'ended'
      onEnd(this, failure)
    }
    const limit = this.task.options.timeout ?? timeout
    this.#attempt = new Attempt(this.task, limit, { ...attempts, onEnd: onAttempted }, performance.now())
    this.#attempt.start()
  }

  /** Aborts its signal; whatever it still does has no consequence. */
  giveUp(reason: Error): void {
    this.state = 'lost'
    this.#attempt?.interrupt(reason)
  }
}

function requestIdOf({ headers }: ClaimedMessage): string | undefined {
  try {
    return readHeaders(headers).requestId
  } catch {
    return undefined // somebody else has written the row
  }
}
