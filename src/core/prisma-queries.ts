import type { Client, Transact } from './prisma-client.js'
import { databaseCode, isDatabaseFailure } from './prisma-errors.js'
import type { Scope } from './scope.js'

/** What Prisma keeps in a client and does not document; each version that `untested` knows has it. */
interface Inner extends Client {
  readonly _originalClient?: Inner
  readonly _appliedParent: Inner
  readonly _extensions: unknown
  readonly _executeRequest: (this: unknown, request: Request) => Promise<unknown>
}

interface Request {
  /** `itx`: a query of the transaction, and not of a batch that an extension has made of it. */
  readonly transaction?: { readonly kind?: string }
}

/** The client of one transaction; what is ours in it is under symbols. */
export type ObservedClient = Client & { [key: symbol]: unknown }

/** The same in every copy of this library: an instance may watch what another one has watched. */
const mark = Symbol.for('after-commit.transaction')
const inspect = Symbol.for('nodejs.util.inspect.custom')

/** Clients that have turned out not to be made here. */
const others = new WeakSet()

/** Whether it is the client of one transaction, or a `tx` that Prisma has made of it. */
export function isObserved(client: unknown): client is ObservedClient {
  if (typeof client !== 'object' || client === null || others.has(client)) return false
  if (mark in client) return true
  others.add(client)
  return false
}

/**
 * Makes a client for each transaction, whose queries tell its scope how they end: below all extensions, so that one which swallows
 * an error cannot hide it. It is made as `$extends` makes one, from what is behind Prisma's Proxies, and what Prisma makes of it are
 * its own `tx` and its own queries. Extensions or Proxies that see the queries are dearer (README).
 */
export class ObservedClients {
  readonly #scope = Symbol('after-commit.scope')
  readonly #tx = Symbol('after-commit.tx')
  readonly #proven = Symbol('after-commit.proven')
  /** What the clients for the transactions of one view have in common. */
  readonly #prototypes = new WeakMap<Client, object>()

  /**
   * @param view What the transaction was called on.
   * @param $transaction That of `tx`, where no extension of `view` brings it.
   * @returns Nothing where Prisma keeps elsewhere what this takes: then nobody sees the queries.
   */
  of(view: Client, $transaction: Transact | undefined): ObservedClient | undefined {
    const prototype = this.#prototypes.get(view) ?? this.#prototypeOf(view as Inner, $transaction)
    return prototype && this.#make(prototype, undefined)
  }

  /** The transaction has begun. @returns Whether Prisma has made its `tx` of the client. */
  begin(client: ObservedClient, tx: Client, scope: Scope): boolean {
    client[this.#scope] = scope
    client[this.#tx] = tx
    // Asked once for each view: `tx` is a Proxy around a Proxy around a Proxy.
    if (client[this.#proven] === true) return true
    if (this.scopeOf(tx) !== scope) return false
    return Reflect.set(Object.getPrototypeOf(client) as object, this.#proven, true)
  }

  /** It is over: what was made in it keeps this client until the old generation is compacted, and with it would keep all of `tx`. */
  end(client: ObservedClient): void {
    client[this.#tx] = undefined
    client[inspect] = printed
  }

  /** Whose queries are those of this `tx`; those of a savepoint are the transaction's. */
  scopeOf(tx: Client): Scope | undefined {
    return Reflect.get(tx, this.#scope) as Scope | undefined
  }

  /** Whether the callback that is under way got it. Prisma makes others for savepoints and when a model extension asks for its `$parent`. */
  isOutermost(tx: Client): boolean {
    return Reflect.get(tx, this.#tx) === tx
  }

  #make(prototype: object, scope: Scope | undefined): ObservedClient {
    const client = Object.create(prototype) as ObservedClient
    client[this.#scope] = scope
    client[this.#tx] = undefined
    // Prisma sets it, by a way that is slow for what is not there yet.
    client[inspect] = undefined
    return client
  }

  #prototypeOf(view: Inner, $transaction?: Transact): object | undefined {
    const another = isObserved(view)
    const base = another ? (view as Inner) : view._originalClient
    if (typeof base?._executeRequest !== 'function') return undefined
    const { _extensions, _appliedParent: parent } = view
    const scopeOf = (client: unknown): Scope | undefined => this.scopeOf(client as Client)
    const parentOf = (client: Client): Client => {
      const prototype = parent === view ? undefined : (this.#prototypes.get(parent) ?? this.#prototypeOf(parent))
      return prototype ? this.#make(prototype, scopeOf(client)) : client
    }
    const prototype = Object.create(base, {
      [mark]: { value: true },
      [this.#proven]: { value: false, writable: true },
      _extensions: { value: _extensions },
      _appliedParent: {
        get(this: Client) {
          return parentOf(this)
        },
      },
      _executeRequest: {
        value(request: Request) {
          const answer = base._executeRequest.call(this, request)
          const scope = request.transaction?.kind === 'itx' ? scopeOf(this) : undefined
          return scope ? observe(answer, scope.root) : answer
        },
      },
    }) as ObservedClient
    if ($transaction && !another) Object.defineProperty(prototype, '$transaction', { value: $transaction })
    this.#prototypes.set(view, prototype)
    return prototype
  }
}

/** What Prisma prints of a client; its own function closes over `tx`. */
function printed(this: ObservedClient): object {
  const { [inspect]: _, ...rest } = this
  return rest
}

/** @returns The same answer. Not the same promise: V8 finds nobody who has called where two wait for one, and the stack of an error ends. */
function observe(answer: Promise<unknown>, root: Scope): Promise<unknown> {
  root.queries++
  return answer.then(answered.bind(undefined, root), failed.bind(undefined, root))
}

const answered = (root: Scope, result: unknown): unknown => (root.queryEnded(), result)

function failed(root: Scope, error: unknown): never {
  if (isDatabaseFailure(error)) root.innermost.failure = { error }
  if (databaseCode(error) === '1213') root.doom = { error }
  root.queryEnded()
  throw error
}
