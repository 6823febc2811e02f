import type { FakeQuery } from './fake-connection.js'

type Methods = Readonly<Record<string, unknown>>
type Callback = (query: FakeQuery & { readonly query: (args: unknown) => PromiseLike<unknown> }) => PromiseLike<unknown>

/** What Prisma's `$extends` takes, as far as the fake knows it; `result` is for the rows that `onQuery` answers with. */
export interface FakeExtension {
  readonly client?: Methods
  readonly model?: Readonly<Record<string, Methods>>
  readonly query?: Readonly<Record<string, unknown>>
}

/** A method that an extension adds, or replaces; the last extension wins. */
export function clientMethod(extensions: readonly FakeExtension[], name: string): unknown {
  return extensions.findLast(({ client }) => client && Object.hasOwn(client, name))?.client?.[name]
}

export function modelMethod(extensions: readonly FakeExtension[], model: string, name: string): unknown {
  for (const extension of extensions.toReversed()) {
    const method = extension.model?.[model]?.[name] ?? extension.model?.['$allModels']?.[name]
    if (method !== undefined) return method
  }
  return undefined
}

/** Sends a query through the query extensions, the first extension first, and then to `answer`. */
export function runQuery(
  extensions: readonly FakeExtension[],
  query: FakeQuery,
  answer: (query: FakeQuery) => PromiseLike<unknown>,
  lazily: (run: () => PromiseLike<unknown>) => PromiseLike<unknown>,
): PromiseLike<unknown> {
  const callbacks = extensions.flatMap((extension) => callbacksOf(extension, query))
  const send = (index: number, args: unknown): PromiseLike<unknown> => {
    const callback = callbacks[index]
    if (!callback) return answer({ ...query, args })
    return callback({ ...query, args, query: (changed) => lazily(() => send(index + 1, changed)) })
  }
  return send(0, query.args)
}

/** In Prisma's order: the model's own, those of all models, those of everything. */
function callbacksOf({ query = {} }: FakeExtension, { model, operation }: FakeQuery): Callback[] {
  const key = model && model.charAt(0).toLowerCase() + model.slice(1)
  const ofModels = key === undefined ? [] : [query[key], query['$allModels']]
  const found = [...ofModels, query].flatMap((callbacks) => {
    const { [operation]: own, $allOperations: all } = (callbacks ?? {}) as Methods
    return [own, all]
  })
  return found.filter((callback) => typeof callback === 'function') as Callback[]
}
