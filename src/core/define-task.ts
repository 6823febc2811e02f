import { OptionsError } from './errors.js'
import { validateTaskOptions } from './options.js'
import { serializePayload } from './payload.js'
import { type DefinedTask, type DefineTaskOptions, isDefinedTask, type TaskContext } from './task.js'
import type { TaskParts, TaskRun, TaskSource } from './task.js'

/**
 * A named task with a typed payload, which is stored as JSON where the task fails, so that it can be run again.
 *
 * @param name Unique within an application, and stable: it is what rows and messages refer to.
 * @param run Receives what JSON gives back of the payload, a fresh copy at each attempt. With `thread: true` the `file:` URL of
 *   a JavaScript module that exports it as `run`.
 * @throws OptionsError for an empty name, a `run` that is no function (or URL), or a wrong option.
 * @example
 * const givePoints = defineTask('give-points', (p: { userId: number; amount: number }, { signal }) => points.add(p, signal))
 */
export function defineTask<Out = void, In = Out>(
  name: string,
  run: ((payload: Out, context: TaskContext) => unknown) | URL,
  options: DefineTaskOptions<In, Out> = {},
): DefinedTask<In, Out> {
  if (typeof name !== 'string' || name === '') throw OptionsError.expected('name', 'a non-empty string', name)
  validateTaskOptions(options)
  if (options.thread === true) return { name, run: elsewhere, options, module: moduleUrl(run) }
  if (typeof run !== 'function') throw OptionsError.expected('run', 'a function', run)
  return { name, run, options }
}

function moduleUrl(run: unknown): URL {
  if (run instanceof URL && run.protocol === 'file:') return run
  throw OptionsError.expected('run', 'the file: URL of a module, because of `thread: true`', run)
}

function elsewhere(): never {
  throw new OptionsError('This task runs in a thread: register it, or call the `run` of its module.')
}

const closure: TaskSource = { options: {}, payload: null, retryOf: undefined, module: undefined }

/** What a registration was called with, as the parts of a task. */
export function taskParts(args: readonly unknown[]): TaskParts {
  const [first, second] = args
  if (typeof first === 'function') return { name: first.name || 'anonymous', run: first as TaskRun, source: closure }
  if (typeof first === 'string' && first !== '') {
    if (typeof second !== 'function') throw OptionsError.expected('run', 'a function', second)
    return { name: first, run: second as TaskRun, source: closure }
  }
  if (!isDefinedTask(first)) throw OptionsError.expected('task', 'a function, a name or a defined task', first)
  const { name, options } = first
  return storedParts(first, args.length > 1 || options.schema ? serializePayload(name, second, options.schema) : '')
}

/** A defined task whose payload is JSON text already, or empty. */
export function storedParts({ name, run, options, module }: DefinedTask, payload: string, retryOf?: string): TaskParts {
  const read = (): never => (payload === '' ? undefined : JSON.parse(payload)) as never
  return { name, run: (context) => run(read(), context), source: { options, payload, retryOf, module } }
}
