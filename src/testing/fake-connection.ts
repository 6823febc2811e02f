/** One query, as an extension of Prisma would see it. */
export interface FakeQuery {
  /** `Order`; undefined for a raw query. */
  readonly model: string | undefined
  /** `create`, `$queryRaw`, … */
  readonly operation: string
  readonly args: unknown
}

/**
 * One transaction without a database. Of what Prisma 7 does it keeps the order of its steps and its rules for nested transactions:
 * a savepoint holds back its queries until it is released, and a transaction until it commits.
 */
export class FakeConnection {
  readonly #levels: FakeQuery[][] = []
  readonly #commit: (queries: readonly FakeQuery[]) => void
  /** The nested callbacks that run, the innermost last. */
  #stack: object[] = []

  /** @param commit Stores what the transaction did, or throws. */
  constructor(commit: (queries: readonly FakeQuery[]) => void) {
    this.#commit = commit
  }

  add(query: FakeQuery): void {
    this.#level().push(query)
  }

  /** @throws What Prisma throws for a query after the end of its transaction. */
  #level(): FakeQuery[] {
    const level = this.#levels.at(-1)
    if (level) return level
    const message =
      'Transaction API error: Transaction already closed: A query cannot be executed on a closed transaction.'
    throw Object.assign(new Error(message), { name: 'PrismaClientKnownRequestError', code: 'P2028' })
  }

  /** @param parent The callback in which this one is nested. */
  async run<R>(parent: object | undefined, callback: (own: object) => PromiseLike<R>): Promise<R> {
    if (parent) {
      if (this.#stack.at(-1) !== parent) throw new Error('Concurrent nested transactions are not supported')
      this.#level()
    }
    const own = {}
    this.#stack.push(own)
    this.#levels.push([])
    try {
      const result = await callback(own)
      if (parent && this.#stack.at(-1) !== own) {
        throw new Error('Nested transactions must be closed in reverse order of creation.')
      }
      if (!parent && this.#stack.length !== 1) {
        throw new Error('Cannot close transaction while a nested transaction is still active.')
      }
      this.#end()
      return result
    } catch (error) {
      const innermost = this.#stack.at(-1) === own
      this.#levels.splice(innermost ? -1 : 0)
      throw error
    } finally {
      if (this.#stack.at(-1) === own) this.#stack.pop()
      else this.#stack = []
    }
  }

  #end(): void {
    const queries = this.#level()
    const around = this.#levels.at(-2)
    if (around) around.push(...queries)
    else this.#commit(queries)
    this.#levels.pop()
  }
}
