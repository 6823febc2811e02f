import { clientMethod, type FakeExtension, modelMethod, runQuery } from './fake-extension.js'
import type { FakeConnection, FakeQuery } from './fake-connection.js'
import { type FakePromise, fakePromise, isFakePromise } from './fake-promise.js'

export interface FakeServer {
  connect(): FakeConnection
  answer(query: FakeQuery, connection: FakeConnection | undefined): Promise<unknown>
}

interface State {
  readonly extensions: readonly FakeExtension[]
  /** The view that was extended. */
  readonly parent?: State
  /** In a transaction: it, the callback that this view was given to, and what it was begun with. */
  readonly inside?: { readonly connection: FakeConnection; readonly callback: object; readonly client: Inner }
}

/** What the library looks for behind a client, by Prisma's names: it makes another one of it, to see the queries. */
interface Inner {
  readonly _executeRequest: (request: Request) => Promise<unknown>
  readonly $transaction?: unknown
}

interface Request {
  readonly query: FakeQuery
  readonly transaction: { readonly kind: 'itx'; readonly connection: FakeConnection } | undefined
}

export type View = Readonly<Record<string, unknown>>

/** Prisma takes these from transaction clients. */
const denied = new Set(['$connect', '$disconnect', '$on', '$extends'])
const raw = new Set(['$queryRaw', '$queryRawUnsafe', '$executeRaw', '$executeRawUnsafe'])

/** A property, and under a name of Prisma's, so that it is found in a Proxy of a view and in what the library makes of one. */
interface HasState {
  readonly _extensions: State
}

/** A client, an extended client or the client of a transaction: they differ in their state alone. */
export function fakeView(server: FakeServer): View {
  const original: Inner = {
    _executeRequest: ({ query, transaction }) => server.answer(query, transaction?.connection),
  }

  const make = (state: State): View => {
    const models = new Map<string, object>()
    return new Proxy<Record<string, unknown>>(
      {},
      {
        get(own, key, receiver) {
          if (Object.hasOwn(own, key) || key === 'then') return Reflect.get(own, key)
          if (typeof key === 'symbol') return Reflect.get(state.inside?.client ?? own, key)
          if (key === '_extensions') return state
          if (key === '_originalClient') return original
          if (key === '_appliedParent') return builtIn(state, '$parent') ?? receiver
          if (state.inside && denied.has(key)) return undefined
          const method = clientMethod(state.extensions, key) ?? builtIn(state, key)
          if (method !== undefined || key.startsWith('$') || key.startsWith('_')) return method
          const model = models.get(key) ?? makeModel(state, key)
          models.set(key, model)
          return model
        },
        has: (own, key) =>
          Reflect.has(own, key) || (typeof key === 'symbol' && Reflect.has(state.inside?.client ?? own, key)),
      },
    )
  }

  const builtIn = (state: State, key: string): unknown => {
    if (key === '$transaction') return state.inside?.client.$transaction ?? $transaction
    if (key === '$parent') return state.parent && make(within(state.parent, state.inside))
    if (key === '$on') return state.parent ? undefined : $on
    if (raw.has(key)) return (...args: unknown[]) => ask(state, { model: undefined, operation: key, args })
    return { $extends, $connect: nothing, $disconnect: nothing }[key]
  }

  const makeModel = (state: State, key: string): object => {
    const name = key.charAt(0).toUpperCase() + key.slice(1)
    return new Proxy(
      {},
      {
        get(_, operation) {
          if (typeof operation === 'symbol' || operation === 'then') return undefined
          if (operation === '$name') return name
          const query = (args?: unknown): FakePromise => ask(state, { model: name, operation, args })
          return modelMethod(state.extensions, key, operation) ?? query
        },
      },
    )
  }

  const ask = ({ extensions, inside }: State, query: FakeQuery): FakePromise =>
    fakePromise(async (batch) => {
      const transaction = inside && ({ kind: 'itx', connection: inside.connection } as const)
      const answer = (asked: FakeQuery): Promise<unknown> =>
        batch
          ? server.answer(asked, batch)
          : (inside?.client ?? original)._executeRequest({ query: asked, transaction })
      return await runQuery(extensions, query, answer, (run) => fakePromise(async () => await run()))
    })

  function $extends(this: HasState, extension: FakeExtension | ((client: object) => unknown)): unknown {
    if (typeof extension === 'function') return extension(this)
    const state = this._extensions
    return make({ extensions: [...state.extensions, extension], parent: state })
  }

  async function $transaction(this: HasState, input: unknown): Promise<unknown> {
    const state = this._extensions
    if (typeof input === 'function') {
      const client = state.inside?.client ?? ('_executeRequest' in this ? (this as unknown as Inner) : original)
      return await inTransaction(client, state, input as (tx: View) => PromiseLike<unknown>)
    }
    const queries: readonly unknown[] = Array.isArray(input) ? input : [input]
    if (!queries.every(isFakePromise)) {
      throw new Error('All elements of the array need to be Prisma Client promises.')
    }
    const connection = server.connect()
    return await connection.run(undefined, async () => {
      const results: unknown[] = []
      for (const query of queries) results.push(await query.requestTransaction(connection))
      return results
    })
  }

  const inTransaction = (
    client: Inner,
    state: State,
    callback: (tx: View) => PromiseLike<unknown>,
  ): Promise<unknown> => {
    const connection = state.inside?.connection ?? server.connect()
    return connection.run(state.inside?.callback, (own) =>
      callback(make(within(state, { connection, callback: own, client }))),
    )
  }

  return make({ extensions: [] })
}

function within({ extensions, parent }: State, inside: State['inside']): State {
  return { extensions, ...(parent && { parent }), ...(inside && { inside }) }
}

function $on(this: object): object {
  return this
}

async function nothing(): Promise<void> {}
