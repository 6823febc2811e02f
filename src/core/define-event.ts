import { defineTask } from './define-task.js'
import type { DefinedEvent, EventOptions } from './subscribers.js'

/**
 * An event with a typed payload. A task has one handler, and an event any number: each is told on its own, retried on its own, and
 * has a failure of its own. The call site is that of a task: `afterCommit(event, payload)`.
 *
 * @param name Unique within an application, among its tasks too, and stable.
 * @throws OptionsError for an empty name or a wrong option.
 * @example
 * const orderPlaced = defineEvent('order-placed', { durable: true, key: (order: Order) => `user:${order.userId}` })
 * const mailSeller = orderPlaced.subscriber('mail-seller', (order) => mail.sold(order))
 * const afterCommit = createAfterCommit({ outbox, tasks: [mailSeller] })
 */
export function defineEvent<Out = void, In = Out>(
  name: string,
  options: EventOptions<In, Out> = {},
): DefinedEvent<In, Out> {
  const event: DefinedEvent<In, Out> = {
    ...defineTask<Out, In>(name, () => undefined, options),
    subscriber: (own, run, more) => ({
      ...defineTask<Out, In>(own, run, { ...options, ...more }),
      name: `${name}:${own}`,
      event,
    }),
  }
  return event
}
