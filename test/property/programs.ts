// Random programs of transactions, and a small model that says what must be stored and what must be handed over.
import fc from 'fast-check'
import type { Overflow } from '../../src/index.js'

/** What a task does with its attempts, and how it ends if nothing comes between. At most three attempts. */
export const behaviours = {
  succeeds: { status: 'succeeded', attempts: 1 },
  /** Throws, then succeeds. */
  again: { status: 'succeeded', attempts: 2 },
  /** Throws p-retry's AbortError. */
  fails: { status: 'failed', attempts: 1 },
  /** Times out, ends when its signal says so, then succeeds. */
  slow: { status: 'succeeded', attempts: 2 },
  /** Times out, and has done its work when its signal is heeded. */
  tardy: { status: 'succeeded', attempts: 1 },
  /** Times out and ignores its signal, then succeeds. */
  stuck: { status: 'succeeded', attempts: 2 },
  /** Times out and ignores its signal each time. */
  hopeless: { status: 'failed', attempts: 3 },
} as const

export type Behaviour = keyof typeof behaviours

export interface TaskPlan {
  readonly behaviour: Behaviour
  /** Registered by its attempt that gets that far. */
  readonly children: readonly TaskPlan[]
  /** A transaction that this attempt runs then; only where no attempt times out. */
  readonly transaction: TransactionPlan | undefined
  /** Where it differs from the instance's. */
  readonly overflow: Overflow | undefined
}

/** One step inside a transaction or a savepoint. */
export type Step =
  /** A task and a row. `tolerant`: a refused registration is swallowed, and there is no row. */
  | { readonly kind: 'both'; readonly task: TaskPlan; readonly tolerant: boolean; readonly cancelled: boolean }
  /** A task registered after the transaction has ended, by work that nobody awaited. */
  | { readonly kind: 'late'; readonly task: TaskPlan }
  /** An error of the database that nobody hears of. */
  | { readonly kind: 'swallow' }
  /** The array form on `tx`, which is refused. */
  | { readonly kind: 'batch' }
  | { readonly kind: 'throw' }
  /** Waits until the transaction has timed out; what follows goes on regardless. */
  | { readonly kind: 'expire' }
  /** Calls `close()` if the program has one with a short grace, and waits until it is over. */
  | { readonly kind: 'outlast' }
  | { readonly kind: 'nested'; readonly steps: readonly Step[]; readonly caught: boolean }

export interface TransactionPlan {
  readonly steps: readonly Step[]
  /** The transaction is attempted until the attempt with this number, which alone does not throw at its end. */
  readonly succeedsAt: number
}

export interface Program {
  /** They run at the same time. */
  readonly transactions: readonly TransactionPlan[]
  readonly concurrency: number
  readonly maxPending: number
  readonly overflow: Overflow
  /** Milliseconds between attempts. */
  readonly backoff: number
  /** Called at the step or event with the number `at`, if there are so many, or by an `outlast` before. */
  readonly close: { readonly at: number; readonly grace: number } | undefined
}

const overflows: readonly Overflow[] = ['record', 'refuse', 'caller-runs', 'drop-newest', 'drop-oldest']
const rarely = fc.oneof({ arbitrary: fc.constant(false), weight: 5 }, { arbitrary: fc.constant(true), weight: 1 })

const grammar = fc.letrec<{ step: Step; steps: readonly Step[]; task: TaskPlan }>((tie) => ({
  steps: fc.array(tie('step'), { maxLength: 4, depthIdentifier: 'steps' }),
  step: fc.oneof(
    { depthIdentifier: 'steps', maxDepth: 3 },
    {
      arbitrary: fc.record({
        kind: fc.constant('both' as const),
        task: tie('task'),
        tolerant: rarely,
        cancelled: rarely,
      }),
      weight: 16,
    },
    { arbitrary: fc.record({ kind: fc.constant('late' as const), task: tie('task') }), weight: 2 },
    { arbitrary: fc.constant<Step>({ kind: 'swallow' }), weight: 2 },
    { arbitrary: fc.constant<Step>({ kind: 'batch' }), weight: 1 },
    { arbitrary: fc.constant<Step>({ kind: 'throw' }), weight: 2 },
    { arbitrary: fc.constant<Step>({ kind: 'expire' }), weight: 1 },
    { arbitrary: fc.constant<Step>({ kind: 'outlast' }), weight: 2 },
    {
      arbitrary: fc.record({ kind: fc.constant('nested' as const), steps: tie('steps'), caught: fc.boolean() }),
      weight: 8,
    },
  ),
  task: fc.record({
    behaviour: fc.oneof(
      { arbitrary: fc.constantFrom<Behaviour>('succeeds', 'again', 'fails'), weight: 4 },
      { arbitrary: fc.constantFrom<Behaviour>('slow', 'tardy', 'stuck', 'hopeless'), weight: 1 },
    ),
    children: fc.oneof(
      { depthIdentifier: 'children', maxDepth: 2 },
      { arbitrary: fc.constant([]), weight: 4 },
      { arbitrary: fc.array(tie('task'), { minLength: 1, maxLength: 3, depthIdentifier: 'children' }), weight: 1 },
    ),
    transaction: fc.oneof(
      { depthIdentifier: 'children', maxDepth: 2 },
      { arbitrary: fc.constant(undefined), weight: 9 },
      { arbitrary: fc.record({ steps: tie('steps'), succeedsAt: fc.constant(1) }), weight: 1 },
    ),
    overflow: fc.oneof(
      { arbitrary: fc.constant(undefined), weight: 5 },
      { arbitrary: fc.constantFrom(...overflows), weight: 1 },
    ),
  }),
}))

/** Longer than any program. */
export const patience = 20_000

export const programs: fc.Arbitrary<Program> = fc.record({
  transactions: fc.array(fc.record({ steps: grammar.steps, succeedsAt: fc.integer({ min: 1, max: 2 }) }), {
    minLength: 1,
    maxLength: 5,
  }),
  concurrency: fc.integer({ min: 1, max: 3 }),
  maxPending: fc.oneof(
    { arbitrary: fc.constant(1_000), weight: 1 },
    { arbitrary: fc.integer({ min: 1, max: 4 }), weight: 2 },
  ),
  overflow: fc.constantFrom(...overflows),
  backoff: fc.constantFrom(0, 10),
  close: fc.oneof(
    fc.constant(undefined),
    fc.record({ at: fc.integer({ min: 0, max: 50 }), grace: fc.constantFrom(patience, 0, 4) }),
  ),
})

/** The path of a step is its name: transaction, attempt, then the index at each level. */
export const pathOf = (path: string, index: number): string => `${path}.${index}`

export const expires = (steps: readonly Step[]): boolean =>
  steps.some((step) => step.kind === 'expire' || (step.kind === 'nested' && expires(step.steps)))

/** What a level leaves behind, by name: a task with its row, or a task alone. */
export type Survivors = Map<string, 'both' | 'late'>

/**
 * What one attempt of a transaction must leave behind, given the registrations that were refused, since only the order of events
 * decides about these. A level that throws leaves nothing. A swallowed error of the database ends its level badly where the
 * database aborts (PostgreSQL), and harms nobody elsewhere.
 *
 * @returns Undefined where it must roll back.
 */
export function outcomeOf(
  { steps, succeedsAt }: TransactionPlan,
  attempt: number,
  path: string,
  given: { readonly refused: ReadonlySet<string>; readonly aborts: boolean },
): Survivors | undefined {
  // One that reaches no such step waits at its end.
  if (attempt < succeedsAt || expires(steps)) return undefined
  return survivors(steps, path, given)
}

function survivors(
  steps: readonly Step[],
  path: string,
  given: { readonly refused: ReadonlySet<string>; readonly aborts: boolean },
): Survivors | undefined {
  const kept: Survivors = new Map()
  let aborted = false
  for (const [index, step] of steps.entries()) {
    const here = pathOf(path, index)
    const isRefused = given.refused.has(here)
    if (step.kind === 'throw') return undefined
    if (step.kind === 'late' && !isRefused) kept.set(here, 'late')
    if (step.kind === 'both' && isRefused && !step.tolerant) return undefined
    if (step.kind === 'late' || step.kind === 'batch' || step.kind === 'outlast' || isRefused) continue
    // In an aborted level every further statement fails, a SAVEPOINT too.
    if (aborted) return undefined
    if (step.kind === 'both') kept.set(here, 'both')
    if (step.kind === 'swallow') aborted = given.aborts
    if (step.kind !== 'nested') continue
    const inner = survivors(step.steps, here, given)
    if (!inner && !step.caught) return undefined
    for (const [name, kind] of inner ?? []) kept.set(name, kind)
  }
  return aborted ? undefined : kept
}
