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
  $queryRawUnsafe?: (sql: string) => PromiseLike<unknown> & Pick<Promise<unknown>, 'catch'>
  readonly $parent?: Client
}

/** Model extensions reach `$parent`, the client one extension up: with an empty one on top, that is the watched one too. */
export function asOwnParent(view: Client): Client {
  return view.$extends({})
}

/** Prisma gives no `$on` to extended clients, as a property that no extension can change; hence a Proxy of another target. */
export function withListeners(view: Client, given: Client): Client {
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

/** Prisma takes `$extends` away from transaction clients (`ITXClientDenyList`). */
export function isTransactionClient(client: unknown): client is Client {
  return typeof client === 'object' && client !== null && typeof (client as Partial<Client>).$extends !== 'function'
}

/** Leads from the `$transaction` of a watched client, of whichever instance, to the one that it replaced. */
const replaced = Symbol.for('after-commit.replaced')

interface Replacement extends Transact {
  [replaced]?: Transact
}

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
