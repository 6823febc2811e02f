import { asOwnParent, type Client } from './prisma-client.js'
import { observe, type Query } from './prisma-queries.js'
import type { Scope } from './scope.js'

/** A client view whose queries report to the transaction that uses it at the moment. */
export interface Lane {
  client: Client
  scope: Scope | undefined
}

/** The lanes of each client view: as many as it has had transactions open at the same time. */
export class Lanes {
  readonly #idle = new WeakMap<object, Lane[]>()

  /** Lanes are reused: extending a client anew for each transaction makes a small one cost about 15 % more CPU. */
  take(view: Client): Lane {
    const idle = this.#idle.get(view)?.pop()
    if (idle) return idle
    const lane: Lane = { client: view, scope: undefined }
    const $allOperations = ({ args, query }: { args: unknown; query: (args: unknown) => Query }): Query =>
      lane.scope ? observe(query(args), lane.scope) : query(args)
    // Added last, so it stands next to the database: an extension that swallows an error cannot hide it.
    lane.client = asOwnParent(view.$extends({ name: 'after-commit-lane', query: { $allOperations } }))
    return lane
  }

  giveBack(view: Client, lane: Lane): void {
    lane.scope = undefined
    const idle = this.#idle.get(view)
    if (idle) idle.push(lane)
    else this.#idle.set(view, [lane])
  }
}
