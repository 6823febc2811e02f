/** What `watch` needs of a Prisma client, by shape: nothing of Prisma is imported. */
export interface PrismaLike {
  $transaction: unknown
  $extends: unknown
}

export type Transact = (this: unknown, input: unknown, options?: object) => Promise<unknown>

export interface Client extends PrismaLike {
  $transaction: Transact
  $extends: (extension: object) => Client
  $on?: (...args: unknown[]) => unknown
  $queryRawUnsafe?: (sql: string) => PromiseLike<unknown>
  readonly $parent?: Client
}

/** Model extensions reach `$parent`, the client one extension up: with an empty one on top, that is the watched one too. */
export const asOwnParent = (view: Client): Client => view.$extends({})

/**
 * A client without extensions, and with another `$transaction`. It is a Proxy, since each extension makes all that follows
 * dearer, and since an extended client has no `$on`; one that is extended later is made from `extended`.
 */
export function withTransaction(given: Client, $transaction: Transact, extended: () => Client): Client {
  let view: Client | undefined
  const own = new Map<string | symbol, unknown>([
    ['$transaction', $transaction],
    ['$extends', (extension: object) => (view ??= extended()).$extends(extension)],
    ['$on', (...args: unknown[]) => (given.$on?.(...args), watched)],
  ])
  const watched: Client = new Proxy({} as Client, {
    get: (_, key) => own.get(key) ?? Reflect.get(given, key),
    set: (_, key, value) => Reflect.set(given, key, value),
    has: (_, key) => Reflect.has(given, key),
    ownKeys: () => Reflect.ownKeys(given),
    getOwnPropertyDescriptor(_, key) {
      const descriptor = Reflect.getOwnPropertyDescriptor(given, key)
      return descriptor && { ...descriptor, configurable: true }
    },
  })
  return watched
}

/** Clients that have turned out not to be a transaction's: they are Proxies around Proxies, which are slow to ask. */
const outermost = new WeakSet()

/** Prisma takes `$extends` away from transaction clients (`ITXClientDenyList`). */
export function isTransactionClient(client: unknown): client is Client {
  if (typeof client !== 'object' || client === null || outermost.has(client)) return false
  if (typeof (client as Partial<Client>).$extends !== 'function') return true
  outermost.add(client)
  return false
}

/** Leads from the `$transaction` of a watched client, of whichever instance, to the one that it replaced. */
const replaced = Symbol.for('after-commit.replaced')

type Replacement = Transact & { [replaced]?: Transact }

export function markReplacement(override: Transact, native: Transact): Transact {
  return Object.assign(override, { [replaced]: native })
}

/** A `$transaction`, and those that it calls in turn because instances have watched the client. */
export function* chainOf(transact: Transact | undefined): Generator<Transact> {
  for (let next: Replacement | undefined = transact; next; next = next[replaced]) yield next
}

/** Whether an extension of the application, and neither Prisma nor an instance, provides this client's `$transaction`. */
export function isOverridden(client: Client): boolean {
  const { $parent } = client
  if (!$parent || $parent === client) return false
  return [...chainOf($parent.$transaction)].at(-1) !== [...chainOf(client.$transaction)].at(-1) || isOverridden($parent)
}
