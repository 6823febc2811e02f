import type { ContextCarrier } from './context.js'
import {
  asOwnParent,
  chainOf,
  type Client,
  isOverridden,
  isTransactionClient,
  markReplacement,
  type PrismaLike,
  type Transact,
  withTransaction,
} from './prisma-client.js'
import { NestedBatchError, OptionsError, TransactionAbortedError } from './errors.js'
import { isObserved, ObservedClients } from './prisma-queries.js'
import { isRefusal } from './prisma-errors.js'
import { type Callback, Scope, type Settlement, type Work } from './scope.js'
import { isUnverified, verify } from './verify.js'

/** The `$transaction` that a client had; `overridden`: it is an extension's and not Prisma's own. */
interface Origin {
  readonly native: Transact
  readonly overridden: boolean
}

export interface WatcherSettings {
  readonly context: ContextCarrier
  /** Takes what a scope held. @returns What `$transaction` must wait for before it resolves. */
  readonly onEnd: (settlement: Settlement) => Promise<void> | undefined
  readonly onNoneOpen: () => void
  /** Just before the COMMIT of an outermost transaction; what it rejects with rolls back. */
  readonly beforeCommit: (scope: Scope, tx: object) => Promise<void> | undefined
  /** The array form is under way. */
  readonly onBatch: (batch: unknown, answer: Promise<unknown>) => void
  /** Whether a transaction that begins now may register tasks. */
  readonly admits: () => boolean
}

/** Everything that knows Prisma: opens a scope for each transaction, and says how it ended. */
export class TransactionWatcher {
  readonly #settings: WatcherSettings
  readonly #watched = new WeakSet<Transact>()
  readonly #observed = new ObservedClients()
  /** Of the `tx` of savepoints, and of those that are not observed. */
  readonly #scopes = new WeakMap<object, Scope>()
  /** Transactions, without savepoints, that have begun and not ended. */
  open = 0

  constructor(settings: WatcherSettings) {
    this.#settings = settings
  }

  watch<C extends PrismaLike>(client: C): C {
    const given = client as unknown as Client
    for (const method of ['$transaction', '$extends'] as const) {
      if (typeof given?.[method] !== 'function') {
        throw OptionsError.expected('client', `a Prisma client (it has no \`${method}\`)`, client)
      }
    }
    if (this.#knows(given)) return client
    const origin = { native: given.$transaction, overridden: isOverridden(given) }
    const $transaction = this.#override(origin)
    const extended = (): Client => asOwnParent(given.$extends({ name: 'after-commit', client: { $transaction } }))
    // Only a client without extensions has a `$on`.
    return (given.$on
      ? withTransaction(given, this.#override(origin, given, $transaction), extended)
      : extended()) as unknown as C
  }

  /** Whether the client's transactions pass through here, perhaps through another instance first. */
  #knows(client: Partial<Client> | null | undefined): boolean {
    return [...chainOf(client?.$transaction)].some((transact) => this.#watched.has(transact))
  }

  /** What `for(client)` binds to: the innermost open scope of a transaction client, or none for a watched client. */
  scopeOf(client: unknown): Scope | undefined {
    if (isTransactionClient(client)) {
      const scope = this.#innermost(client)
      return scope.root.isPending ? scope.root.innermost : scope.current
    }
    if (this.#knows(client as Partial<Client> | null | undefined)) return undefined
    throw unknownClient(client)
  }

  /**
   * What replaces a client's `$transaction`. It calls the captured native method with its own `this`, so `tx`, nested `tx` and
   * clients extended later pass through it, with all of their extensions; a closed-over client in its place would lose them.
   *
   * @param root The client that it is for, unless it is called on one of a transaction. Without: on whatever it is called on.
   * @param inner What replaces it in `tx`, where that is not an extension's.
   */
  #override(origin: Origin, root?: Client, inner?: Transact): Transact {
    const run = (client: Client, callback: Callback, options?: object): Promise<unknown> =>
      this.#run(origin, client, inner, callback, options)
    const { onBatch } = this.#settings
    const override: Transact = function (input, options) {
      const client = root === undefined || isObserved(this) ? (this as Client) : root
      if (typeof input === 'function') return run(client, input as Callback, options)
      if (isTransactionClient(client)) return Promise.reject(new NestedBatchError())
      const answer = origin.native.call(client, input, options)
      onBatch(input, answer)
      return answer
    }
    this.#watched.add(override)
    return markReplacement(override, origin.native)
  }

  async #run(origin: Origin, client: Client, inner: Transact | undefined, callback: Callback, options?: object) {
    const { native, overridden } = origin
    const { context, admits, onNoneOpen } = this.#settings
    const around = isTransactionClient(client) ? this.#innermost(client) : undefined
    const parent = around?.transparent ? undefined : around
    const observed = around || overridden ? undefined : this.#observed.of(client, inner)
    let scope: Scope | undefined
    const admitted = parent?.root.admitted ?? admits()
    const body = (tx: Client): Promise<unknown> => {
      // An extension of the application may retry: the attempt before this one has then rolled back.
      if (scope) void this.#end(scope, 'rolled-back')
      const own = (scope = new Scope(parent))
      const sees = observed !== undefined && this.#observed.begin(observed, tx, own)
      this.#open(own, sees)
      own.admitted = admitted
      own.work = { callback, tx, adopted: sees ? tx : this.#adopt(tx, own) }
      return context.run(own, this.#work)
    }
    if (parent) parent.nested++
    else this.open++
    try {
      // Up to 7.10 a nested call writes into the options it is given, hence the copy.
      const result = await native.call(observed ?? client, body, options && { ...options })
      const callerRuns = this.#end(scope, parent ? 'released' : 'committed')
      // Not awaited in here: what it may throw says nothing about the transaction.
      return callerRuns ? callerRuns.then(() => result) : result
    } catch (error) {
      const lost = !parent && scope?.state === 'committing' && !isRefusal(error)
      void this.#end(scope, lost ? 'unknown' : 'rolled-back', error)
      throw error
    } finally {
      if (parent) parent.nested--
      else if (--this.open === 0) onNoneOpen()
      if (observed) this.#observed.end(observed)
    }
  }

  /**
   * What runs in a transaction; its scope says what. One async function for all of it: where contexts are kept, each promise is
   * dear on Node 20. And the same function for all of them: Prisma makes an Error for each query, which keeps the functions that
   * it was called from, and what they close over, until the heap is compacted.
   */
  readonly #work = async (): Promise<unknown> => {
    const own = this.#settings.context.get() as Scope
    const { callback, tx, adopted } = own.work as Work
    own.work = undefined
    let result: unknown
    refuseOrphan(own)
    try {
      // Awaited inside the context, because a PrismaPromise that is returned runs only when somebody awaits it.
      result = await callback(adopted)
    } finally {
      own.over = true
    }
    refuseOrphan(own)
    const verified = own.root.registered ? verify(own, tx) : undefined
    if (verified) await verified
    const stored = own.root.registered && !own.parent ? this.#settings.beforeCommit(own, tx) : undefined
    if (stored) await stored
    // With a nested transaction still open Prisma refuses to commit: a rejection is then a rollback for sure.
    if (own.nested === 0) own.state = 'committing'
    return result
  }

  /**
   * `tx` as the callback gets it. It is not ours where nobody observes it: where the application's own `$transaction` went to a
   * client that it closed over. Then a Proxy, because what is assigned to `tx` reaches that client.
   */
  #adopt(tx: Client, scope: Scope): Client {
    this.#scopes.set(tx, scope)
    if (typeof tx.$transaction !== 'function' || this.#knows(tx)) return tx
    const nested = this.#override({ native: tx.$transaction, overridden: true }, tx)
    const adopted = new Proxy(tx, { get: (_, key) => (key === '$transaction' ? nested : Reflect.get(tx, key)) })
    this.#scopes.set(adopted, scope)
    return adopted
  }

  #open(scope: Scope, observed: boolean): void {
    scope.root.innermost = scope
    if (!scope.parent) scope.observed = observed
    // Nobody sees its queries fail: take for granted that one has, so that the commit is verified.
    if (!scope.root.observed) scope.failure = { error: undefined }
  }

  #end(scope: Scope | undefined, state: 'committed' | 'released' | 'rolled-back' | 'unknown', error?: unknown) {
    if (!scope) return undefined // the callback never ran: Prisma could not begin the transaction
    const { root, parent } = scope
    if (parent && root.innermost === scope) root.innermost = parent
    if (state === 'released') return this.#settings.onEnd(scope.release())
    return this.#settings.onEnd(scope.end(state === 'committed' && isUnverified(scope) ? 'unknown' : state, error))
  }

  /** The scope of a transaction client. Prisma makes a new one each time a model extension asks for its `$parent`. */
  #innermost(tx: Client): Scope {
    const known = this.#scopes.get(tx)
    if (known) return known
    const root = this.#observed.scopeOf(tx)
    if (root && this.#observed.isOutermost(tx)) return root
    const around = this.#settings.context.get()
    const open = around instanceof Scope && around.current.isOpen ? around.current : undefined
    if (root) return open?.root === root ? open : root
    if (open && this.#knows(tx)) return open
    throw unknownClient(tx)
  }
}

function unknownClient(client: unknown): OptionsError {
  return OptionsError.expected(
    'tx',
    'a transaction client (or a client) that `watch` of this instance returned',
    client,
  )
}

/**
 * When a callback ends without waiting for a nested transaction, Prisma rejects and rolls back; up to 7.10, though, a nested one
 * that ends well at that moment commits everything on PostgreSQL. So it must not end well.
 */
function refuseOrphan(scope: Scope): void {
  if (scope.root.registered && scope.isOrphaned) throw new TransactionAbortedError('orphaned')
}
