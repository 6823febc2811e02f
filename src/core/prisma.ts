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
import { isObserved, type ObservedClient, ObservedClients } from './prisma-queries.js'
import { isRefusal } from './prisma-errors.js'
import { type Callback, Scope, type ScopeState, type Settlement } from './scope.js'
import { isUnverified, verify } from './verify.js'

/** The `$transaction` that a client had; `overridden`: it is an extension's and not Prisma's own. */
type Origin = { readonly native: Transact; readonly overridden: boolean }

type EndState = Exclude<ScopeState, 'open' | 'committing'>

/** One call of `$transaction` with a callback; `observed`: what it is called on, where its queries are observed. */
type Call = Pick<Scope, 'parent' | 'admitted'> & {
  readonly callback: Callback
  readonly observed: ObservedClient | undefined
  scope: Scope | undefined
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
    throw OptionsError.expected('tx', ofWatch, client)
  }

  /**
   * What replaces a client's `$transaction`. It calls the captured native method with its own `this`, so `tx`, nested `tx` and
   * clients extended later pass through it, with all of their extensions; a closed-over client in its place would lose them.
   *
   * @param root The client that it is for, unless it is called on one of a transaction. Without: on whatever it is called on.
   * @param inner What replaces it in `tx`, where that is not an extension's.
   */
  #override(origin: Origin, root?: Client, inner?: Transact): Transact {
    const run = this.#run.bind(this, origin, inner)
    const { onBatch } = this.#settings
    const override: Transact = function (input, options) {
      const client = root === undefined || isObserved(this) ? (this as Client) : root
      if (typeof input === 'function') return promised(run, client, input as Callback, options)
      if (isTransactionClient(client)) return Promise.reject(new NestedBatchError())
      const answer = origin.native.call(client, input, options)
      onBatch(input, answer)
      return answer
    }
    this.#watched.add(override)
    return markReplacement(override, origin.native)
  }

  /**
   * What a transaction needs of functions are methods, bound, and no closures: with the last closure of a kind that the collector
   * of the whole heap finds dead, V8 drops what it has compiled of it, which made a transaction 1 % dearer.
   */
  #run(origin: Origin, inner: Transact | undefined, client: Client, callback: Callback, options?: object) {
    const around = isTransactionClient(client) ? this.#innermost(client) : undefined
    const parent = around?.transparent ? undefined : around
    const observed = around || origin.overridden ? undefined : this.#observed.of(client, inner)
    const admitted = parent?.root.admitted ?? this.#settings.admits()
    const call: Call = { callback, parent, observed, admitted, scope: undefined }
    if (parent) parent.nested++
    else this.open++
    // Up to 7.10 a nested call writes into the options it is given, hence the copy.
    const native = origin.native.bind(observed ?? client)
    const answer = promised(native, this.#begin.bind(this, call), options && { ...options })
    return answer.then(this.#succeed.bind(this, call), this.#fail.bind(this, call))
  }

  /** What Prisma calls once the transaction has begun. */
  #begin(call: Call, tx: Client): Promise<unknown> {
    // An extension of the application may retry: the attempt before this one has then rolled back.
    if (call.scope) void this.#end(call.scope, 'rolled-back')
    const { callback, parent, observed } = call
    const own = (call.scope = new Scope(parent))
    const sees = observed !== undefined && this.#observed.begin(observed, tx, own)
    own.root.innermost = own
    own.admitted = call.admitted
    if (!parent) own.observed = sees
    // Nobody sees its queries fail: take for granted that one has, so that the commit is verified.
    if (!own.root.observed) own.failure = { error: undefined }
    refuseOrphan(own)
    const work = callback.bind(undefined, sees ? tx : this.#adopt(tx, own))
    return this.#settings.context.run(own, this.#work.bind(this, work, own, tx))
  }

  // The callback is called by nobody, and bound: so no function of ours is in the stack of an error. Prisma makes one for each
  // query, which is the dearer the more functions it was called through.
  #work(work: () => unknown, own: Scope, tx: Client): Promise<unknown> {
    return fulfilled.then(work).then(this.#returned.bind(this, own, tx), threw.bind(undefined, own))
  }

  /** The callback has returned: COMMIT, or RELEASE, comes next, unless this throws. */
  #returned(own: Scope, tx: Client, result: unknown): unknown {
    own.over = true
    refuseOrphan(own)
    const verified = own.root.registered ? verify(own, tx) : undefined
    return verified ? verified.then(this.#store.bind(this, own, tx, result)) : this.#store(own, tx, result)
  }

  #store(own: Scope, tx: Client, result: unknown): unknown {
    const stored = own.root.registered && !own.parent ? this.#settings.beforeCommit(own, tx) : undefined
    return stored ? stored.then(commits.bind(undefined, own, result)) : commits(own, result)
  }

  #succeed(call: Call, result: unknown): unknown {
    const callerRuns = this.#leave(call, call.parent ? 'released' : 'committed')
    // Not awaited before: what it may throw says nothing about the transaction.
    return callerRuns ? callerRuns.then(() => result) : result
  }

  #fail(call: Call, error: unknown): never {
    const lost = !call.parent && call.scope?.state === 'committing' && !isRefusal(error)
    void this.#leave(call, lost ? 'unknown' : 'rolled-back', error)
    throw error
  }

  #leave({ scope, parent, observed }: Call, state: EndState, error?: unknown): Promise<void> | undefined {
    const callerRuns = this.#end(scope, state, error)
    if (parent) parent.nested--
    else if (--this.open === 0) this.#settings.onNoneOpen()
    if (observed) this.#observed.end(observed)
    return callerRuns
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

  #end(scope: Scope | undefined, state: EndState, error?: unknown): Promise<void> | undefined {
    if (!scope) return undefined // the callback never ran: Prisma could not begin the transaction
    const { root, parent } = scope
    if (parent && root.innermost === scope) root.innermost = parent
    if (state === 'released') return this.#settings.onEnd(scope.release())
    const settlement = scope.end(state === 'committed' && isUnverified(scope) ? 'unknown' : state, error)
    return root.registered ? this.#settings.onEnd(settlement) : undefined
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
    throw OptionsError.expected('tx', ofWatch, tx)
  }
}

const fulfilled = Promise.resolve()

/** What an async function that calls it would answer, but not in the stack of an error, as that would be. */
function promised<A extends unknown[]>(call: (...args: A) => Promise<unknown>, ...args: A): Promise<unknown> {
  try {
    return Promise.resolve(call(...args))
  } catch (error) {
    return Promise.reject(error)
  }
}

function threw(own: Scope, error: unknown): never {
  own.over = true
  throw error
}

/** With a nested transaction still open Prisma refuses to commit: a rejection is then a rollback for sure. */
const commits = (own: Scope, result: unknown): unknown => (own.nested === 0 && (own.state = 'committing'), result)

const ofWatch = 'a transaction client (or a client) that `watch` of this instance returned'

/**
 * When a callback ends without waiting for a nested transaction, Prisma rejects and rolls back; up to 7.10, though, a nested one
 * that ends well at that moment commits everything on PostgreSQL. So it must not end well.
 */
function refuseOrphan(scope: Scope): void {
  if (scope.root.registered && scope.isOrphaned) throw new TransactionAbortedError('orphaned')
}
