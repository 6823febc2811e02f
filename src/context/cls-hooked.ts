import { AsyncResource } from 'node:async_hooks'
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
  const active = (): object | undefined => (namespace.active as object | null) ?? undefined

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

  return {
    run(value, fn) {
      const { context, values } = viewed(active())
      return within(view(context, new Map([...values, [key, value]])), fn)
    },
    get: () => (active() as Record<symbol, unknown> | undefined)?.[key],
    capture() {
      // cls-hooked finds the context of what runs in an AsyncResource by its id, and forgets it when that is destroyed. The
      // resource takes along what AsyncLocalStorage and other namespaces hold, too.
      const resource = within(
        detached(active()),
        () => new AsyncResource('after-commit', { requireManualDestroy: true }),
      )
      return {
        run: (fn) => resource.runInAsyncScope(fn),
        release: () => void resource.emitDestroy(),
      }
    },
  }
}

function isNamespace(value: unknown): value is ClsNamespace {
  if (typeof value !== 'object' || value === null || !('active' in value)) return false
  return ['enter', 'exit'].every((method) => typeof Reflect.get(value, method) === 'function')
}

/** Answers with the context and the values of a view, and of nothing that inherits from one. */
const inside = Symbol('after-commit.inside')
/** Marks the contexts that `detached` has made. */
const ours = Symbol('after-commit.ours')

interface Viewed {
  readonly context: object
  readonly values: ReadonlyMap<string | symbol, unknown>
}

/** The application's context with our values on top. Writing goes through to it, which a child context would keep for itself. */
function view(context: object, values: Viewed['values']): object {
  const result: object = new Proxy(context, {
    get(target, key, receiver) {
      if (key === inside) return receiver === result ? { context, values } : undefined
      return values.has(key) ? values.get(key) : Reflect.get(target, key, receiver)
    },
  })
  return result
}

/** Views and detached contexts never pile up: a task that registers its successor would make a chain without end. */
function viewed(active: object | undefined): Viewed {
  const found = active && (Reflect.get(active, inside) as Viewed | undefined)
  return found ?? { context: active ?? {}, values: new Map() }
}

/** A context with the values of `active`, in which whatever is set is not seen there. */
function detached(active: object | undefined): object {
  const { context } = viewed(active)
  const isOurs = Object.hasOwn(context, ours)
  const parent: object | null = isOurs ? (Object.getPrototypeOf(context) as object) : context
  return Object.assign(Object.create(parent) as object, isOurs ? context : { [ours]: true })
}
