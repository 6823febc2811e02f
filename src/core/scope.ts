import type { Client } from './prisma-client.js'
import type { Task } from './task.js'

/** What `onRollback` was given; `order` is its position among all registrations. */
export type Hook = { readonly order: number; readonly run: () => void }

export type Callback = (tx: Client) => unknown

export type ScopeState = 'open' | 'committing' | 'committed' | 'released' | 'rolled-back' | 'unknown'

/** What the end of a scope has decided: what to hand over, what to forget, and what to say nobody knows. */
export interface Settlement {
  readonly state: ScopeState
  readonly tasks: readonly Task[]
  /** `onRollback` functions that are due. */
  readonly hooks: readonly Hook[]
  /** With `unknown`: what COMMIT ended with. */
  readonly error?: unknown
}

/**
 * One transaction, or one savepoint in it, and what was registered there.
 *
 *            callback returned            COMMIT answered
 *   open ──────────────────▶ committing ──────────────────▶ committed     the tasks are handed over
 *    │                           │ COMMIT refused
 *    ├───────────────────────────┴─────────────────────────▶ rolled-back   the tasks are gone
 *    │ callback threw, timed out │ connection lost
 *    │                           └─────────────────────────▶ unknown       nobody knows: not run, recorded
 *    └─ a savepoint only: its RELEASE was answered ────────▶ released      the tasks are the parent's
 */
export class Scope {
  state: ScopeState = 'open'
  readonly parent: Scope | undefined
  readonly root: Scope
  /** The savepoint in which the transaction's statements run right now; kept at the root. */
  innermost: Scope = this
  /** Nested transactions that have been called for and have not ended. */
  nested = 0
  /** Transactions nested in it count as outermost ones: it is a test's, which rolls back whatever happened in it. */
  transparent = false
  /** It began before `close()`, or in a task: it may register. Kept at the root. */
  admitted = true
  /** Its callback has returned or thrown. */
  over = false
  /** Whether somebody sees the queries of the transaction fail; kept at the root. */
  observed = true
  /** Whether anything was registered in the transaction; kept at the root. */
  registered = false
  /** An error of a query in this scope; the transaction may be aborted although its callback goes on. */
  failure: { readonly error: unknown } | undefined
  /** An error that has rolled the whole transaction back, savepoints included; kept at the root. */
  doom: { readonly error: unknown } | undefined
  /** How many queries are under way; kept at the root. */
  queries = 0
  #onNoQuery: (() => void) | undefined
  #tasks: Task[] | undefined
  #hooks: Hook[] | undefined
  /** Hooks of savepoints that have rolled back: they wait for the end of the transaction. */
  #due: Hook[] | undefined

  constructor(parent?: Scope) {
    this.parent = parent
    this.root = parent?.root ?? this
  }

  get isOpen(): boolean {
    return this.state === 'open'
  }

  /** It still takes registrations: the outcome is not known yet. */
  get isPending(): boolean {
    return this.state === 'open' || this.state === 'committing'
  }

  /** A callback around it has ended without waiting for it. */
  get isOrphaned(): boolean {
    return this.parent !== undefined && (this.parent.over || this.parent.isOrphaned)
  }

  queryEnded(): void {
    if (--this.queries === 0) this.#onNoQuery?.()
  }

  /** Resolves when no query is under way. */
  async noQuery(): Promise<void> {
    if (this.queries > 0) await new Promise<void>((resolve) => (this.#onNoQuery = resolve))
  }

  takeFailure(): Scope['failure'] {
    const { failure } = this
    this.failure = undefined
    return failure
  }

  /** The scope that a registration made in this one belongs to now: a released savepoint has become its parent. */
  get current(): Scope {
    if (this.state === 'rolled-back') return this
    if (!this.root.isPending) return this.root
    return this.state === 'released' && this.parent ? this.parent.current : this
  }

  /** In the order of registration over all levels. */
  get tasks(): readonly Task[] {
    return inOrder(this.#tasks)
  }

  add(task: Task): void {
    this.root.registered = true
    ;(this.#tasks ??= []).push(task)
  }

  addHook(hook: Hook): void {
    this.root.registered = true
    ;(this.#hooks ??= []).push(hook)
  }

  /** A savepoint was released: its tasks and hooks follow the parent from now on. */
  release(): Settlement {
    const parent = this.parent?.current
    if (!parent?.isPending) return this.end('rolled-back') // its transaction is over, so it went with it
    this.state = 'released'
    for (const task of this.#tasks ?? none) parent.add(task)
    for (const hook of this.#hooks ?? none) parent.addHook(hook)
    this.#tasks = this.#hooks = undefined
    return { state: this.state, tasks: none, hooks: none }
  }

  /** The scope is over; what it held is in the settlement, in the order of registration over all levels. */
  end(state: 'committed' | 'rolled-back' | 'unknown', error?: unknown): Settlement {
    this.state = state
    const { root, tasks } = this
    if (!root.registered) return { state, tasks, hooks: none, error }
    if (state === 'rolled-back') for (const hook of this.#hooks ?? none) (root.#due ??= []).push(hook)
    this.#tasks = this.#hooks = undefined
    if (root.isPending) return { state, tasks, hooks: none, error }
    const hooks = inOrder(root.#due)
    root.#due = undefined
    return { state, tasks, hooks, error }
  }
}

/** Most transactions have nothing, and most of the others one task. */
const none: readonly never[] = []

function inOrder<T extends { readonly order: number }>(registered: readonly T[] = none): readonly T[] {
  return registered.length > 1 ? registered.toSorted((a, b) => a.order - b.order) : registered
}
