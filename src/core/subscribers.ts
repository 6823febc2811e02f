import { type DefinedTask, type DefineTaskOptions, isDefinedTask } from './task.js'

/** `durable`, `schema` and `key` are the event's own; the others are what its subscribers have if they say nothing else. */
export type EventOptions<In, Out> = Omit<DefineTaskOptions<In, Out>, 'thread'>

/** What may differ between subscribers: retries, timeout, queue, … */
export type SubscriberOptions = Omit<DefineTaskOptions<never, never>, 'durable' | 'schema' | 'key'>

/** Made by `defineEvent`: something that happens, which several may want to hear of. Itself a task with nothing to do. */
export interface DefinedEvent<In = never, Out = never> extends DefinedTask<In, Out> {
  /**
   * What one subscriber does with it: a task named `event:name`, to be listed in `tasks` of the instance that tells it.
   *
   * @param name Unique within the event, and stable.
   * @param run As of `defineTask`: with `thread: true` the URL of a module.
   * @throws OptionsError
   */
  subscriber(name: string, run: DefinedTask<In, Out>['run'] | URL, options?: SubscriberOptions): DefinedTask<In, Out>
}

export const isDefinedEvent = (value: unknown): value is DefinedEvent => isDefinedTask(value) && 'subscriber' in value

/** The tasks and the events that they hear of. */
export function withEvents(tasks: readonly DefinedTask[] = []): readonly DefinedTask[] {
  return [...new Set(tasks.flatMap((task) => (task.event ? [task, task.event] : task)))]
}

export const subscribersOf = (event: string, tasks: readonly DefinedTask[] = []): readonly DefinedTask[] =>
  tasks.filter((task) => task.event?.name === event)
