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
  /** In a transaction: it, and the callback that this view was given to. */
  readonly inside?: { readonly connection: FakeConnection; readonly callback: object }
}

export type View = Readonly<Record<string, unknown>>

/** Prisma takes these from transaction clients. */
const denied = new Set(['$connect', '$disconnect', '$on', '$extends'])
const raw = new Set(['$queryRaw', '$queryRawUnsafe', '$executeRaw', '$executeRawUnsafe'])

/** A property, so that it is found through the Proxy that `watch` and others put in front of a view. */
const stateOf = Symbol('state')

interface HasState {
  readonly [stateOf]: State
}

/** A client, an extended client or the client of a transaction: they differ in their state alone. */
export function fakeView(server: FakeServer): View {
  const make = (state: State): View => {
    const models = new Map<string, object>()
    return new Proxy<Record<string, unknown>>(
      {},
      {
        get(own, key) {
          if (key === stateOf) return state
          if (typeof key === 'symbol' || key === 'then' || Object.hasOwn(own, key)) return Reflect.get(own, key)
          if (state.inside && denied.has(key)) return undefined
          const method = clientMethod(state.extensions, key) ?? builtIn(state, key)
          if (method !== undefined || key.startsWith('$') || key.startsWith('_')) return method
          const model = models.get(key) ?? makeModel(state, key)
          models.set(key, model)
          return model
        },
      },
    )
  }

  const builtIn = (state: State, key: string): unknown => {
    if (key === '$transaction') return $transaction
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
      const answer = (asked: FakeQuery): Promise<unknown> => server.answer(asked, batch ?? inside?.connection)
      return await runQuery(extensions, query, answer, (run) => fakePromise(async () => await run()))
    })

  function $extends(this: HasState, extension: FakeExtension | ((client: object) => unknown)): unknown {
    if (typeof extension === 'function') return extension(this)
    const state = this[stateOf]
    return make({ extensions: [...state.extensions, extension], parent: state })
  }

  async function $transaction(this: HasState, input: unknown): Promise<unknown> {
    const state = this[stateOf]
    if (typeof input === 'function') return await inTransaction(state, input as (tx: View) => PromiseLike<unknown>)
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

  const inTransaction = (state: State, callback: (tx: View) => PromiseLike<unknown>): Promise<unknown> => {
    const connection = state.inside?.connection ?? server.connect()
    return connection.run(state.inside?.callback, (own) => callback(make(within(state, { connection, callback: own }))))
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
