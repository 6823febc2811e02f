import type { Client, Transact } from './prisma-client.js'
import { databaseCode, isDatabaseFailure } from './prisma-errors.js'
import { Forwarding } from './forwarding.js'
import type { Scope } from './scope.js'

export interface Query extends PromiseLike<unknown> {
  requestTransaction?: (batch: unknown) => unknown
}

type Method = (this: unknown, ...args: unknown[]) => unknown
type Handler = ((given: unknown) => unknown) | null | undefined

/** The same query, which tells the transaction when it starts, ends and fails. Stays a PrismaPromise, so it stays lazy. */
export function observe(query: Query, root: Scope): Query {
  return new Proxy<object>(query, new QueryObserver(root)) as Query
}

/**
 * A transaction client of Prisma's own, whose queries tell its scope how they end, and with another `$transaction`. Its scope is
 * under the key `own`: asked for so often that a WeakMap is noticeable.
 */
export function observedClient(tx: Client, own: symbol, scope: Scope, nested: () => Transact | undefined): Client {
  return new ClientObserver(tx, own, scope, nested).proxy as Client
}

class ClientObserver extends Forwarding {
  readonly #own: symbol
  readonly #scope: Scope
  readonly #nested: () => Transact | undefined
  readonly #models: Record<string, object> = {}

  constructor(tx: Client, own: symbol, scope: Scope, nested: () => Transact | undefined) {
    super(tx)
    this.#own = own
    this.#scope = scope
    this.#nested = nested
  }

  override get(_: object, key: string | symbol): unknown {
    if (key === this.#own) return this.#scope
    if (key === '$transaction') return this.#nested()
    const value: unknown = Reflect.get(this.to, key)
    if (typeof key !== 'string' || key.startsWith('_')) return value
    const { root } = this.#scope
    if (typeof value === 'function') return key.startsWith('$') ? observedMethod(value as Method, this.to, root) : value
    if (typeof value !== 'object' || value === null) return value
    return (this.#models[key] ??= new ModelObserver(value, root).proxy)
  }
}

class ModelObserver extends Forwarding {
  readonly #root: Scope

  constructor(model: object, root: Scope) {
    super(model)
    this.#root = root
  }

  override get(_: object, key: string | symbol): unknown {
    return observedMember(this.to, key, this.#root)
  }
}

class QueryObserver implements ProxyHandler<object> {
  readonly #root: Scope

  constructor(root: Scope) {
    this.#root = root
  }

  get(query: object, key: string | symbol): unknown {
    const start = (ok?: Handler, not?: Handler): PromiseLike<unknown> => started(query as Query, this.#root, ok, not)
    // Started by the call and not by the look: Prisma looks whether there is a `then`.
    if (key === 'then') return start
    if (key === 'catch') return (rejected?: Handler) => start(undefined, rejected)
    if (key === 'finally') return (handler?: () => void) => Promise.resolve(start()).finally(handler)
    // What the fluent API answers with is a query, too.
    return observedMember(query, key, this.#root)
  }
}

function observedMember(of: object, key: string | symbol, root: Scope): unknown {
  const value: unknown = Reflect.get(of, key)
  return typeof value === 'function' ? observedMethod(value as Method, of, root) : value
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
