import type { ContextCarrier } from './context.js'
import { NestedBatchError, OptionsError, TransactionAbortedError } from './errors.js'
import { asOwnParent, type Lane, Lanes } from './prisma-lanes.js'
import { databaseCode, isRefusal, mayHaveAborted } from './prisma-errors.js'
import { Scope, type Settlement } from './scope.js'

/** What `watch` needs of a Prisma client, by shape: nothing of Prisma is imported. */
export interface PrismaLike {
  $transaction: unknown
  $extends: unknown
}

type Transact = (this: unknown, input: unknown, options?: object) => Promise<unknown>

export interface Client extends PrismaLike {
  $transaction: Transact
  $extends: (extension: object) => Client
  $on?: (...args: unknown[]) => unknown
  $queryRawUnsafe?: (sql: string) => PromiseLike<unknown> & Pick<Promise<unknown>, 'catch'>
  readonly $parent?: Client
}

/** The `$transaction` that a client had; `overridden`: it is an extension's and not Prisma's own. */
interface Origin {
  readonly native: Transact
  readonly overridden: boolean
}

type Callback = (tx: Client) => unknown

/** Everything that knows Prisma: opens a scope for each transaction, and says how it ended. */
export class TransactionWatcher {
  readonly #context: ContextCarrier
  readonly #onEnd: (settlement: Settlement) => void
  readonly #onNoneOpen: () => void
  readonly #watched = new WeakSet<Transact>()
  readonly #scopes = new WeakMap<object, Scope>()
  readonly #lanes = new Lanes()
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
    const $transaction = this.#override({ native: given.$transaction, overridden: isOverridden(given) })
    const view = asOwnParent(given.$extends({ name: 'after-commit', client: { $transaction } }))
    return (given.$on ? withListeners(view, given) : view) as unknown as C
  }

  /** What `for(client)` binds to: the innermost open scope of a transaction client, or none for a watched client. */
  scopeOf(client: unknown): Scope | undefined {
    if (isTransactionClient(client)) {
      const scope = this.#innermost(client)
      return scope.root.isPending ? scope.root.innermost : scope.current
    }
    if (this.#watched.has((client as Partial<Client> | null | undefined)?.$transaction as Transact)) return undefined
    throw unknownClient(client)
  }

  /**
   * What replaces a client's `$transaction`. It calls the captured native method with its own `this`, so `tx`, nested `tx` and
   * clients extended later pass through it, with all of their extensions; a closed-over client in its place would lose them.
   */
  #override(origin: Origin): Transact {
    const run = (client: Client, callback: Callback, options?: object): Promise<unknown> =>
      this.#run(origin, client, callback, options)
    const override: Transact = function (input, options) {
      if (typeof input === 'function') return run(this as Client, input as Callback, options)
      if (isTransactionClient(this)) return Promise.reject(new NestedBatchError())
      return origin.native.call(this, input, options)
    }
    this.#watched.add(override)
    return override
  }

  async #run({ native, overridden }: Origin, client: Client, callback: Callback, options?: object): Promise<unknown> {
    const parent = isTransactionClient(client) ? this.#innermost(client) : undefined
    const lane = parent || overridden ? undefined : this.#lanes.take(client)
    let scope: Scope | undefined
    const body = async (tx: Client): Promise<unknown> => {
      // An extension of the application may retry: the attempt before this one has then rolled back.
      if (scope) this.#end(scope, 'rolled-back')
      scope = this.#open(tx, parent, lane)
      const own = scope
      const result = await this.#call(own, callback, tx)
      await verify(own, tx)
      // With a nested transaction still open Prisma refuses to commit: a rejection is then a rollback for sure.
      if (own.nested === 0) own.state = 'committing'
      return result
    }
    if (parent) parent.nested++
    else this.open++
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
      if (parent) parent.nested--
      else if (--this.open === 0) this.#onNoneOpen()
      if (lane) this.#lanes.giveBack(client, lane)
    }
  }

  async #call(scope: Scope, callback: Callback, tx: Client): Promise<unknown> {
    let result: unknown
    refuseOrphan(scope)
    try {
      // Awaited inside the context, because a PrismaPromise that is returned runs only when somebody awaits it.
      result = await this.#context.run(scope, async () => await callback(tx))
    } finally {
      scope.over = true
    }
    refuseOrphan(scope)
    return result
  }

  #open(tx: Client, parent: Scope | undefined, lane: Lane | undefined): Scope {
    const scope = new Scope(parent)
    scope.root.innermost = scope
    this.#scopes.set(tx, scope)
    if (lane) lane.scope = scope
    if (!parent) scope.observed = lane !== undefined
    // Nobody sees its queries fail: take for granted that one has, so that the commit is verified.
    if (!scope.root.observed) scope.failure = { error: undefined }
    if (typeof tx.$transaction === 'function' && !this.#watched.has(tx.$transaction)) {
      // The application's own `$transaction` went to a client that it closed over, so this `tx` is not ours yet.
      tx.$transaction = this.#override({ native: tx.$transaction, overridden: true })
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

  /** The scope of a transaction client. Prisma makes a new one each time a model extension asks for its `$parent`. */
  #innermost(tx: Client): Scope {
    const around = this.#context.get()
    const known = this.#scopes.get(tx)
    if (known) return known
    if (this.#watched.has(tx.$transaction) && around instanceof Scope && around.current.isOpen) return around.current
    throw unknownClient(tx)
  }
}

/** Prisma gives no `$on` to extended clients, as a property that no extension can change; hence a Proxy of another target. */
function withListeners(view: Client, given: Client): Client {
  const $on = (...args: unknown[]): unknown => {
    given.$on?.(...args)
    return watched
  }
  const watched: Client = new Proxy({} as Client, {
    get: (_, key) => (key === '$on' ? $on : Reflect.get(view, key)),
    set: (_, key, value) => Reflect.set(view, key, value),
    has: (_, key) => Reflect.has(view, key),
    ownKeys: () => Reflect.ownKeys(view),
    getOwnPropertyDescriptor(_, key) {
      const descriptor = Reflect.getOwnPropertyDescriptor(view, key)
      return descriptor && { ...descriptor, configurable: true }
    },
  })
  return watched
}

function unknownClient(client: unknown): OptionsError {
  return OptionsError.expected(
    'tx',
    'a transaction client (or a client) that `watch` of this instance returned',
    client,
  )
}

/** Prisma takes `$extends` away from transaction clients (`ITXClientDenyList`). */
function isTransactionClient(client: unknown): client is Client {
  return typeof client === 'object' && client !== null && typeof (client as Partial<Client>).$extends !== 'function'
}

/** Whether an extension of the application, and not Prisma, provides this client's `$transaction`. */
function isOverridden(client: Client): boolean {
  const { $parent } = client
  if (!$parent || $parent === client) return false
  return $parent.$transaction !== client.$transaction || isOverridden($parent)
}

/**
 * When a callback ends without waiting for a nested transaction, Prisma rejects and rolls back; up to 7.10, though, a nested one
 * that ends well at that moment commits everything on PostgreSQL. So it must not end well.
 */
function refuseOrphan(scope: Scope): void {
  if (scope.root.registered && scope.isOrphaned) throw new TransactionAbortedError('orphaned')
}

/**
 * Committed must mean committed: PostgreSQL answers COMMIT of an aborted transaction with a rollback, and Prisma resolves.
 * So where a query has failed and something waits for the commit, one more statement asks whether the transaction is alive.
 */
async function verify(scope: Scope, tx: Client): Promise<void> {
  const { root } = scope
  if (!root.registered) return
  // Queries that nobody awaited can still abort the transaction before its COMMIT.
  await Promise.allSettled(root.queries)
  // InnoDB answers a deadlock (1213) by rolling the whole transaction back, and goes on outside of one.
  if (root.doom) throw new TransactionAbortedError('failed', root.doom.error)
  const swallowed = scope.takeFailure()
  if (!swallowed) return
  const answer: unknown = await tx.$queryRawUnsafe?.('SELECT 1').catch((error: unknown) => error)
  // The lane has seen the answer too: an extension that hides errors cannot hide it from there.
  const seen = scope.takeFailure()?.error
  if ([answer, seen].some((error) => databaseCode(error) === '25P02')) {
    throw new TransactionAbortedError('failed', swallowed.error)
  }
}

/** A query failed and nobody has asked, since nothing was registered by then. What registers from now on must not run on a guess. */
function isUnverified({ failure, doom }: Scope): boolean {
  return doom !== undefined || (failure !== undefined && mayHaveAborted(failure.error))
}
