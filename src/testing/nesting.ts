import { AsyncLocalStorage } from 'node:async_hooks'

/** A client of Prisma inside a transaction. */
export interface NestedClient {
  $transaction: (input: unknown, options?: object) => Promise<unknown>
}

type Callback = (tx: NestedClient) => unknown

/** One call of the application's `$transaction` that was not inside another one. */
interface Run {
  /** The clients of its callback and of those that were opened in there, while they run; the innermost last. */
  readonly clients: NestedClient[]
  /** Its promise has settled. */
  settled: boolean
}

/** The application's transactions inside a test's. On their one connection only the innermost may open another, so they queue. */
export class Nesting {
  readonly tx: NestedClient
  readonly #around = new AsyncLocalStorage<Run>()
  #last: Promise<unknown> = Promise.resolve()

  constructor(tx: NestedClient) {
    this.tx = tx
  }

  /** `$transaction` as the application calls it: with a callback or with an array. */
  run(input: unknown): Promise<unknown> {
    const callback = typeof input === 'function' ? (input as Callback) : allOf(input)
    const around = this.#around.getStore()
    // Opened inside the callback of another one, which waits for it.
    const outer = around?.clients.at(-1)
    if (around && outer) return outer.$transaction((tx: NestedClient) => call(around, callback, tx))
    // Opened by a task for which the promise of another one waits.
    if (around && !around.settled) return this.#open(callback)
    const before = this.#last
    const own = (async () => {
      await before
      return await this.#open(callback)
    })()
    this.#last = own.catch(() => undefined)
    return own
  }

  async #open(callback: Callback): Promise<unknown> {
    const run: Run = { clients: [], settled: false }
    try {
      return await this.tx.$transaction((tx: NestedClient) => this.#around.run(run, () => call(run, callback, tx)))
    } finally {
      run.settled = true
    }
  }
}

async function call(run: Run, callback: Callback, tx: NestedClient): Promise<unknown> {
  run.clients.push(tx)
  try {
    return await callback(tx)
  } finally {
    run.clients.splice(run.clients.indexOf(tx), 1)
  }
}

/** The array form: its queries are lazy, and belong to the test's transaction already. */
function allOf(queries: unknown): Callback {
  return async () => {
    const results: unknown[] = []
    for (const query of queries as readonly PromiseLike<unknown>[]) results.push(await query)
    return results
  }
}
