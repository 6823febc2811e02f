import type { ContextCarrier } from '../core/context.js'
import { OptionsError } from '../core/errors.js'

/** What the carrier needs of a cls-hooked namespace, by shape: nothing of cls-hooked is imported. */
export interface ClsNamespace {
  readonly active: unknown
  enter(context: object): void
  exit(context: object): void
}

/**
 * A carrier for applications that live in a cls-hooked namespace: the open transaction is found through it, and a task sees
 * the values that its request has set in it. Values that the callback of a transaction sets belong to the request, as they do
 * without this library; values that a task sets are its own.
 *
 * @param namespace The namespace of the application: `createNamespace(name)` or `getNamespace(name)` of cls-hooked.
 * @throws OptionsError for anything else, `undefined` of a misspelt name included.
 * @example
 * const afterCommit = createAfterCommit({ context: clsHooked(createNamespace('request')) })
 */
export function clsHooked(namespace: ClsNamespace): ContextCarrier {
  if (!isNamespace(namespace)) throw OptionsError.expected('namespace', 'a cls-hooked namespace', namespace)
  const key = Symbol('after-commit') // of this carrier: instances do not see the transactions of each other
  const active = (): object => (namespace.active as object | null) ?? {}

  // Not `namespace.run`: it writes the context into whatever is thrown, which keeps the one as long as the other and fails for
  // frozen errors and strings. Not `runPromise`: it leaves the context only when the promise is settled, so what its caller
  // does next runs in it too, and its stack of contexts grows.
  const within = <R>(context: object, fn: () => R): R => {
    namespace.enter(context)
    try {
      return fn()
    } finally {
      namespace.exit(context)
    }
  }

  const run: ContextCarrier['run'] = (value, fn) => within(view(active(), key, value), fn)
  return {
    run,
    get: () => Reflect.get(active(), key),
    // cls-hooked finds the context of what runs in an AsyncResource by its id, and forgets it when that is destroyed.
    capture: (captured, ...parts) => within(detached(active()), () => new captured(...parts)),
    enter: (value, fn, given) => run(value, () => fn(given)),
  }
}

function isNamespace(value: unknown): value is ClsNamespace {
  if (typeof value !== 'object' || value === null || !('active' in value)) return false
  return ['enter', 'exit'].every((method) => typeof Reflect.get(value, method) === 'function')
}

/** The application's context with a value on top. Writing goes through to it, which a child context would keep for itself. */
function view(context: object, key: symbol, value: unknown): object {
  return new Proxy(context, {
    get: (target, name, receiver): unknown => (name === key ? value : Reflect.get(target, name, receiver)),
  })
}

/** Marks the contexts that `detached` has made, seen through their views, too. */
const ours = Symbol('after-commit')

/**
 * A context with the values of `context`, in which whatever is set is not seen there. One of ours is copied and not inherited
 * from: tasks that register their successors would make a chain without end.
 */
function detached(context: object): object {
  const isOurs = Object.hasOwn(context, ours)
  const parent: object | null = isOurs ? (Object.getPrototypeOf(context) as object) : context
  return Object.assign(Object.create(parent) as object, isOurs ? context : { [ours]: true })
}
