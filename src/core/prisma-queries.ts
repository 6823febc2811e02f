import type { Client, Transact } from './prisma-client.js'
import { databaseCode, isDatabaseFailure } from './prisma-errors.js'
import type { Scope } from './scope.js'

export interface Query extends PromiseLike<unknown> {
  requestTransaction?: (batch: unknown) => unknown
}

type Method = (this: unknown, ...args: unknown[]) => unknown
type Handler = ((given: unknown) => unknown) | null | undefined

/** The same query, which tells the transaction when it starts, ends and fails. Stays a PrismaPromise, so it stays lazy. */
export function observe(query: Query, root: Scope): Query {
  const start = (fulfilled?: Handler, rejected?: Handler): PromiseLike<unknown> => {
    root.queries++
    return query.then(
      (value) => {
        root.queryEnded()
        return fulfilled ? fulfilled(value) : value
      },
      (error: unknown) => {
        if (isDatabaseFailure(error)) root.innermost.failure = { error }
        if (databaseCode(error) === '1213') root.doom = { error }
        root.queryEnded()
        if (rejected) return rejected(error)
        throw error
      },
    )
  }
  return new Proxy(query, {
    get(target, key) {
      // Started by the call and not by the look: Prisma looks whether there is a `then`.
      if (key === 'then') return start
      if (key === 'catch') return (rejected?: Handler) => start(undefined, rejected)
      if (key === 'finally') return (handler?: () => void) => Promise.resolve(start()).finally(handler)
      const value: unknown = Reflect.get(target, key)
      if (typeof value !== 'function') return value
      // What the fluent API answers with is a query, too.
      return (...args: unknown[]) => observed((value as Method).apply(target, args), root)
    },
  })
}

/**
 * A transaction client of Prisma's own, whose queries tell its scope how they end, and with another `$transaction`. Its scope is
 * under the key `own`: asked for so often that a WeakMap is noticeable.
 */
export function observedClient(tx: Client, own: symbol, scope: Scope, nested: () => Transact | undefined): Client {
  const models = new Map<string, object>()
  return new Proxy(tx, {
    get(_, key) {
      if (key === own) return scope
      if (key === '$transaction') return nested()
      const value: unknown = Reflect.get(tx, key)
      if (typeof key !== 'string' || key.startsWith('_')) return value
      if (typeof value === 'function')
        return key.startsWith('$') ? observedMethod(value as Method, tx, scope.root) : value
      if (typeof value !== 'object' || value === null) return value
      let model = models.get(key)
      if (!model) models.set(key, (model = observedModel(value, scope.root)))
      return model
    },
  })
}

function observedModel(model: object, root: Scope): object {
  return new Proxy(model, {
    get(_, key) {
      const value: unknown = Reflect.get(model, key)
      return typeof value === 'function' ? observedMethod(value as Method, model, root) : value
    },
  })
}

const observedMethod =
  (method: Method, on: unknown, root: Scope): Method =>
  (...args) =>
    observed(method.apply(on, args), root)

function observed(answer: unknown, root: Scope): unknown {
  const isQuery = typeof answer === 'object' && answer !== null && 'requestTransaction' in answer
  return isQuery ? observe(answer as unknown as Query, root) : answer
}
