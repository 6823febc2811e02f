import type { ContextCarrier } from './context.js'
import { NestedBatchError, OptionsError, TransactionAbortedError } from './errors.js'
import { Scope, type Settlement } from './scope.js'

/** What `watch` needs of a Prisma client, by shape: nothing of Prisma is imported. */
export interface PrismaLike {
  $transaction: unknown
  $extends: unknown
}

type Transact = (this: unknown, input: unknown, options?: object) => Promise<unknown>

interface Client extends PrismaLike {
  $transaction: Transact
  $extends: (extension: object) => Client
  $on?: (...args: unknown[]) => unknown
  $queryRawUnsafe?: (sql: string) => Promise<unknown>
  readonly $parent?: Client
}

interface Query extends PromiseLike<unknown> {
  requestTransaction?: (batch: unknown) => unknown
}

/** A client view whose queries report to the transaction that uses it at the moment. */
interface Lane {
  client: Client
  scope: Scope | undefined
}

type Callback = (tx: Client) => unknown

/** Everything that knows Prisma: opens a scope for each transaction, and says how it ended. */
export class TransactionWatcher {
  readonly #context: ContextCarrier
  readonly #onEnd: (settlement: Settlement) => void
  readonly #onNoneOpen: () => void
  readonly #watched = new WeakSet<Transact>()
  readonly #scopes = new WeakMap<object, Scope>()
  readonly #idleLanes = new WeakMap<object, Lane[]>()
  /** Transactions, without savepoints, that have begun and not ended. */
  open = 0

  constructor(context: ContextCarrier, onEnd: (settlement: Settlement) => void, onNoneOpen: () => void) {
    this.#context = context
    this.#onEnd = onEnd
    this.#onNoneOpen = onNoneOpen
  }

  watch<C extends PrismaLike>(client: C): C {
    const given = client as unknown as Client
    for (const method of ['$transaction', '$extends'] as const) {
      if (typeof given?.[method] !== 'function') {
        throw OptionsError.expected('client', `a Prisma client (it has no \`${method}\`)`, client)
      }
    }
    if (this.#watched.has(given.$transaction)) return client
    const $transaction = this.#override(given.$transaction, isOverridden(given))
    // Extended clients have no `$on` of their own.
    const $on = function (this: unknown, ...args: unknown[]): unknown {
      given.$on?.(...args)
      return this
    }
    const view = given.$extends({ name: 'after-commit', client: { $transaction, ...(given.$on && { $on }) } })
    return asOwnParent(view) as unknown as C
  }

  /** The innermost open scope of a transaction client; undefined for a watched client outside any transaction. */
  scopeOf(client: unknown): Scope | undefined {
    const { $transaction } = (client ?? {}) as Client
    const scope = typeof client === 'object' && client !== null ? this.#scopes.get(client) : undefined
    if (scope) return scope.isPending ? scope.root.innermost : scope.current
    if (this.#watched.has($transaction) && !isTransactionClient(client)) return undefined
    throw OptionsError.expected('tx', 'a transaction client (or a client) returned by `watch` of this instance', client)
  }

  /**
   * What replaces a client's `$transaction`. It calls the captured native method with its own `this`, so `tx`, nested `tx` and
   * clients extended later pass through it, with all of their extensions; a closed-over client in its place would lose them.
   */
  #override(native: Transact, bypassesLanes: boolean): Transact {
    const watcher = this
    const override: Transact = function (input, options) {
      const client = this as Client
      if (typeof input === 'function') return watcher.#run(native, client, input as Callback, options, bypassesLanes)
      if (isTransactionClient(client)) return Promise.reject(new NestedBatchError())
      return native.call(client, input, options)
    }
    this.#watched.add(override)
    return override
  }

  async #run(
    native: Transact,
    client: Client,
    callback: Callback,
    options: object | undefined,
    bypassesLanes: boolean,
  ) {
    const parent = isTransactionClient(client) ? (this.#scopes.get(client) ?? this.#ambient()) : undefined
    const lane = parent || bypassesLanes ? undefined : this.#takeLane(client)
    let scope: Scope | undefined
    const body = async (tx: Client): Promise<unknown> => {
      // An extension of the application may retry: the attempt before this one has then rolled back.
      if (scope) this.#end(scope, 'rolled-back')
      scope = this.#open(tx, parent, lane)
      const own = scope
      // Awaited inside the context, because a PrismaPromise that is returned runs only when somebody awaits it.
      const result = await this.#context.run(own, async () => await callback(tx))
      await verify(own, tx)
      // With a nested transaction still open Prisma refuses to commit: a rejection is then a rollback for sure.
      if (own.root.innermost === own) own.state = 'committing'
      return result
    }
    if (!parent) this.open++
    try {
      // Up to 7.10 a nested call writes into the options it is given, hence the copy.
      const result = await native.call(lane?.client ?? client, body, options && { ...options })
      this.#end(scope, parent ? 'released' : 'committed')
      return result
    } catch (error) {
      const lost = !parent && scope?.state === 'committing' && !isRefusal(error)
      this.#end(scope, lost ? 'unknown' : 'rolled-back', error)
      throw error
    } finally {
      if (!parent && --this.open === 0) this.#onNoneOpen()
      if (lane) this.#returnLane(client, lane)
    }
  }

  #open(tx: Client, parent: Scope | undefined, lane: Lane | undefined): Scope {
    const scope = new Scope(parent)
    scope.root.innermost = scope
    this.#scopes.set(tx, scope)
    if (lane) lane.scope = scope
    else if (typeof tx.$transaction === 'function' && !this.#watched.has(tx.$transaction)) {
      // The application's own `$transaction` went to a client that it closed over, so this `tx` is not ours yet. Nobody sees
      // its queries fail either: take for granted that one has, so that the commit is verified.
      tx.$transaction = this.#override(tx.$transaction, true)
      scope.failure = { error: undefined }
    }
    return scope
  }

  #end(scope: Scope | undefined, state: 'committed' | 'released' | 'rolled-back' | 'unknown', error?: unknown): void {
    if (!scope) return // the callback never ran: Prisma could not begin the transaction
    const { root, parent } = scope
    if (parent && root.innermost === scope) root.innermost = parent
    if (state === 'released') this.#onEnd(scope.release())
    else this.#onEnd(scope.end(state === 'committed' && isUnverified(scope) ? 'unknown' : state, error))
  }

  #ambient(): Scope | undefined {
    const scope = this.#context.get()
    return scope instanceof Scope && scope.current.isOpen ? scope.current : undefined
  }

  /** Lanes are reused, because extending a client costs more than a whole transaction of the database's client library. */
  #takeLane(view: Client): Lane {
    const idle = this.#idleLanes.get(view)?.pop()
    if (idle) return idle
    const lane: Lane = { client: view, scope: undefined }
    const $allOperations = ({ args, query }: { args: unknown; query: (args: unknown) => Query }): Query =>
      lane.scope ? observe(query(args), lane.scope) : query(args)
    // Added last, so it stands next to the database: an extension that swallows an error cannot hide it.
    lane.client = asOwnParent(view.$extends({ name: 'after-commit-lane', query: { $allOperations } }))
    return lane
  }

  #returnLane(view: Client, lane: Lane): void {
    lane.scope = undefined
    const idle = this.#idleLanes.get(view)
    if (idle) idle.push(lane)
    else this.#idleLanes.set(view, [lane])
  }
}

/** Model extensions reach `$parent`, the client one extension up: with an empty one on top, that is the watched one too. */
function asOwnParent(view: Client): Client {
  return view.$extends({})
}

/** Prisma takes `$extends` away from transaction clients (`ITXClientDenyList`). */
function isTransactionClient(client: unknown): client is object {
  return typeof client === 'object' && client !== null && typeof (client as Partial<Client>).$extends !== 'function'
}

/** Whether an extension of the application, and not Prisma, provides this client's `$transaction`. */
function isOverridden(client: Client): boolean {
  const { $parent } = client
  if (!$parent || $parent === client) return false
  return $parent.$transaction !== client.$transaction || isOverridden($parent)
}

/** The same query, which tells `scope` when it starts, ends and fails. Stays a PrismaPromise, so it stays lazy. */
function observe(query: Query, scope: Scope): Query & object {
  const start = (): Promise<unknown> => {
    const running = Promise.resolve(query.then((value) => value))
    scope.queries.add(running)
    return running
      .catch((error: unknown) => {
        scope.innermost.failure = { error }
        if (databaseCode(error) === '1213') scope.doom = { error }
        throw error
      })
      .finally(() => scope.queries.delete(running))
  }
  return {
    then: (resolve, reject) => start().then(resolve, reject),
    catch: (reject: (error: unknown) => unknown) => start().catch(reject),
    finally: (settle: () => void) => start().finally(settle),
    ...(query.requestTransaction && { requestTransaction: (batch: unknown) => query.requestTransaction?.(batch) }),
    [Symbol.toStringTag]: 'PrismaPromise',
  } as Query & object
}

/**
 * Committed must mean committed: PostgreSQL answers COMMIT of an aborted transaction with a rollback, and Prisma resolves.
 * So where a query has failed and something waits for the commit, one more statement asks whether the transaction is alive.
 */
async function verify(scope: Scope, tx: Client): Promise<void> {
  const { root } = scope
  if (!root.registered) return
  // Queries that nobody awaited can still abort the transaction before its COMMIT.
  while (root.queries.size > 0) await Promise.allSettled(root.queries)
  // InnoDB answers a deadlock (1213) by rolling the whole transaction back, and goes on outside of one.
  if (root.doom) throw new TransactionAbortedError(root.doom.error)
  const failure = scope.failure
  if (!failure) return
  try {
    await tx.$queryRawUnsafe?.('SELECT 1')
  } catch (error) {
    if (databaseCode(error) === '25P02') throw new TransactionAbortedError(failure.error)
  }
  scope.failure = undefined
}

/**
 * A query failed and nobody has asked what became of the transaction, because nothing was registered by then; what is
 * registered from now on must not run on a guess. Only PostgreSQL aborts, and its codes (SQLSTATE) have five characters.
 */
function isUnverified({ failure, doom }: Scope): boolean {
  return doom !== undefined || (failure !== undefined && (databaseCode(failure.error)?.length ?? 5) === 5)
}

/** The code with which the database itself answered, from wherever Prisma 6 and 7 keep it. */
function databaseCode(error: unknown): string | undefined {
  const { meta, cause } = (error ?? {}) as { meta?: { driverAdapterError?: { cause?: unknown } }; cause?: unknown }
  const { originalCode } = (meta?.driverAdapterError?.cause ?? cause ?? {}) as { originalCode?: unknown }
  return typeof originalCode === 'string' ? originalCode : undefined
}

/**
 * Whether an error at COMMIT is the database's own verdict, so that the transaction has certainly rolled back. Codes that only
 * say that the connection or the server went away (SQLSTATE 08…, 57P…, 40003, 58…; MariaDB 1053, 1927, 2006, 2013, 45…) are none.
 */
function isRefusal(error: unknown): boolean {
  if ((error as { code?: unknown } | null | undefined)?.code === 'P2028') return true
  const code = databaseCode(error)
  return code !== undefined && !/^(08...|57P..|40003|58...|1053|1927|2006|2013|45...)$/.test(code)
}
