import { OptionsError } from './errors.js'
import { validateTaskOptions } from './options.js'
import { serializePayload } from './payload.js'
import {
  type DefinedTask,
  type DefineTaskOptions,
  isDefinedTask,
  type TaskContext,
  type TaskParts,
  type TaskRun,
} from './task.js'

/**
 * A named task with a typed payload, which is stored as JSON where the task fails, so that it can be run again.
 *
 * @param name Unique within an application, and stable: it is what rows and messages refer to.
 * @param run Receives what JSON gives back of the payload, a fresh copy at each attempt.
 * @throws OptionsError for an empty name, a `run` that is no function, or a wrong option.
 * @example
 * const givePoints = defineTask('give-points', (p: { userId: number; amount: number }, { signal }) => points.add(p, signal))
 */
export function defineTask<Out = void, In = Out>(
  name: string,
  run: (payload: Out, context: TaskContext) => unknown,
  options: DefineTaskOptions<In, Out> = {},
): DefinedTask<In, Out> {
  if (typeof name !== 'string' || name === '') throw OptionsError.expected('name', 'a non-empty string', name)
  if (typeof run !== 'function') throw OptionsError.expected('run', 'a function', run)
  validateTaskOptions(options)
  return { name, run, options }
}

/** What a registration was called with, as the parts of a task. */
export function taskParts(args: readonly unknown[]): TaskParts {
  const [first, second] = args
  if (typeof first === 'function') {
    return { name: first.name || 'anonymous', run: first as TaskRun, options: {}, payload: undefined, defined: false }
  }
  if (typeof first === 'string' && first !== '') {
    if (typeof second !== 'function') throw OptionsError.expected('run', 'a function', second)
    return { name: first, run: second as TaskRun, options: {}, payload: undefined, defined: false }
  }
  if (!isDefinedTask(first)) throw OptionsError.expected('task', 'a function, a name or a defined task', first)
  const { name, options } = first
  const payload = args.length > 1 || options.schema ? serializePayload(name, second, options.schema) : undefined
  return storedParts(first, payload)
}

/** A defined task whose payload is JSON text already: `''` as well as undefined for none. */
export function storedParts({ name, run, options }: DefinedTask, payload?: string, retryOf?: string): TaskParts {
  const read = (): never => (payload ? JSON.parse(payload) : undefined) as never
  return { name, run: (context) => run(read(), context), options, payload, defined: true, retryOf }
}
