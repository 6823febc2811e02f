import type { Client, Transact } from './prisma-client.js'
import { databaseCode, isDatabaseFailure } from './prisma-errors.js'
import type { Scope } from './scope.js'

export interface Query extends PromiseLike<unknown> {
  requestTransaction?: (batch: unknown) => unknown
}

type Method = (this: unknown, ...args: unknown[]) => unknown
type Handler = ((given: unknown) => unknown) | null | undefined

// The traps of the Proxies are shared functions, and what they need is in the handlers: a transaction makes several of these, and
// closures would take twice the memory, which is most of what a watched transaction is dearer by.

/** The same query, which tells the transaction when it starts, ends and fails. Stays a PrismaPromise, so it stays lazy. */
export function observe(query: Query, root: Scope): Query {
  const observer: Observer = { root, get: getOfQuery }
  return new Proxy<object>(query, observer) as Query
}

/**
 * A transaction client of Prisma's own, whose queries tell its scope how they end, and with another `$transaction`. Its scope is
 * under the key `own`: asked for so often that a WeakMap is noticeable.
 */
export function observedClient(tx: Client, own: symbol, scope: Scope, nested: () => Transact | undefined): Client {
  const observer: ClientObserver = { root: scope.root, own, scope, nested, models: {}, get: getOfClient }
  return new Proxy<object>(tx, observer) as Client
}

interface Observer extends ProxyHandler<object> {
  readonly root: Scope
}

interface ClientObserver extends Observer {
  readonly own: symbol
  readonly scope: Scope
  readonly nested: () => Transact | undefined
  readonly models: Record<string, object>
}

function getOfClient(this: ClientObserver, tx: object, key: string | symbol): unknown {
  if (key === this.own) return this.scope
  if (key === '$transaction') return this.nested()
  const value: unknown = Reflect.get(tx, key)
  if (typeof key !== 'string' || key.startsWith('_')) return value
  if (typeof value === 'function') return key.startsWith('$') ? observedMethod(value as Method, tx, this.root) : value
  if (typeof value !== 'object' || value === null) return value
  return (this.models[key] ??= new Proxy<object>(value, { root: this.root, get: getOfModel } as Observer))
}

function getOfModel(this: Observer, model: object, key: string | symbol): unknown {
  const value: unknown = Reflect.get(model, key)
  return typeof value === 'function' ? observedMethod(value as Method, model, this.root) : value
}

function getOfQuery(this: Observer, query: object, key: string | symbol): unknown {
  const start = (ok?: Handler, not?: Handler): PromiseLike<unknown> => started(query as Query, this.root, ok, not)
  // Started by the call and not by the look: Prisma looks whether there is a `then`.
  if (key === 'then') return start
  if (key === 'catch') return (rejected?: Handler) => start(undefined, rejected)
  if (key === 'finally') return (handler?: () => void) => Promise.resolve(start()).finally(handler)
  // What the fluent API answers with is a query, too.
  return getOfModel.call(this, query, key)
}

function started(query: Query, root: Scope, fulfilled?: Handler, rejected?: Handler): PromiseLike<unknown> {
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

const observedMethod =
  (method: Method, on: unknown, root: Scope): Method =>
  (...args) => {
    const answer = method.apply(on, args)
    const isQuery = typeof answer === 'object' && answer !== null && 'requestTransaction' in answer
    return isQuery ? observe(answer as unknown as Query, root) : answer
  }
