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
  withListeners,
} from './prisma-client.js'
import { NestedBatchError, OptionsError, TransactionAbortedError } from './errors.js'
import { type Lane, Lanes } from './prisma-lanes.js'
import { databaseCode, isRefusal, mayHaveAborted } from './prisma-errors.js'
import { Scope, type Settlement } from './scope.js'

/** The `$transaction` that a client had; `overridden`: it is an extension's and not Prisma's own. */
interface Origin {
  readonly native: Transact
  readonly overridden: boolean
}

type Callback = (tx: Client) => unknown

/** Everything that knows Prisma: opens a scope for each transaction, and says how it ended. */
export class TransactionWatcher {
  readonly #context: ContextCarrier
  readonly #onEnd: (settlement: Settlement) => Promise<void> | undefined
  readonly #onNoneOpen: () => void
  readonly #watched = new WeakSet<Transact>()
  readonly #scopes = new WeakMap<object, Scope>()
  readonly #lanes = new Lanes()
  /** Transactions, without savepoints, that have begun and not ended. */
  open = 0

  constructor(
    context: ContextCarrier,
    onEnd: (settlement: Settlement) => Promise<void> | undefined,
    onNoneOpen: () => void,
  ) {
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
    if (this.#knows(given)) return client
    const $transaction = this.#override({ native: given.$transaction, overridden: isOverridden(given) })
    const view = asOwnParent(given.$extends({ name: 'after-commit', client: { $transaction } }))
    return (given.$on ? withListeners(view, given) : view) as unknown as C
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
    return markReplacement(override, origin.native)
  }

  async #run({ native, overridden }: Origin, client: Client, callback: Callback, options?: object): Promise<unknown> {
    const around = isTransactionClient(client) ? this.#innermost(client) : undefined
    const parent = around?.transparent ? undefined : around
    const lane = around || overridden ? undefined : this.#lanes.take(client)
    let scope: Scope | undefined
    const body = async (tx: Client): Promise<unknown> => {
      // An extension of the application may retry: the attempt before this one has then rolled back.
      if (scope) void this.#end(scope, 'rolled-back')
      scope = this.#open(tx, parent, lane)
      const own = scope
      const result = await this.#call(own, callback, this.#adopt(tx, own))
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
      const callerRuns = this.#end(scope, parent ? 'released' : 'committed')
      // Not awaited in here: what it may throw says nothing about the transaction.
      return callerRuns ? callerRuns.then(() => result) : result
    } catch (error) {
      const lost = !parent && scope?.state === 'committing' && !isRefusal(error)
      void this.#end(scope, lost ? 'unknown' : 'rolled-back', error)
      throw error
    } finally {
      if (parent) parent.nested--
      else if (--this.open === 0) this.#onNoneOpen()
      if (lane) this.#lanes.giveBack(client, lane)
    }
  }

  /**
   * Where the application's own `$transaction` went to a client that it closed over, `tx` is not ours yet. A Proxy makes it so,
   * because what is assigned to it would be written through to that client.
   */
  #adopt(tx: Client, scope: Scope): Client {
    if (typeof tx.$transaction !== 'function' || this.#knows(tx)) return tx
    const $transaction = this.#override({ native: tx.$transaction, overridden: true })
    const adopted = new Proxy(tx, { get: (_, key) => (key === '$transaction' ? $transaction : Reflect.get(tx, key)) })
    this.#scopes.set(adopted, scope)
    return adopted
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
    return scope
  }

  #end(scope: Scope | undefined, state: 'committed' | 'released' | 'rolled-back' | 'unknown', error?: unknown) {
    if (!scope) return undefined // the callback never ran: Prisma could not begin the transaction
    const { root, parent } = scope
    if (parent && root.innermost === scope) root.innermost = parent
    if (state === 'released') return this.#onEnd(scope.release())
    return this.#onEnd(scope.end(state === 'committed' && isUnverified(scope) ? 'unknown' : state, error))
  }

  /** The scope of a transaction client. Prisma makes a new one each time a model extension asks for its `$parent`. */
  #innermost(tx: Client): Scope {
    const around = this.#context.get()
    const known = this.#scopes.get(tx)
    if (known) return known
    if (this.#knows(tx) && around instanceof Scope && around.current.isOpen) return around.current
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
