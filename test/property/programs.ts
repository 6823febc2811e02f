// Random programs of transactions, and a small model that says what must be stored and what must run.
import fc from 'fast-check'

/** One step inside a transaction or a savepoint. */
export type Step =
  | { readonly kind: 'both'; readonly task: TaskKind }
  | { readonly kind: 'swallow' }
  | { readonly kind: 'throw' }
  | { readonly kind: 'nested'; readonly steps: readonly Step[]; readonly caught: boolean }

/** `again` fails once and is retried, `parent` registers a task of its own, `fails` has failed for good. */
export type TaskKind = 'succeeds' | 'again' | 'parent' | 'fails'

export interface Program {
  /** Transactions that run at the same time; each is attempted until the attempt number `succeedsAt`. */
  readonly transactions: readonly { readonly steps: readonly Step[]; readonly succeedsAt: number }[]
  readonly concurrency: number
  readonly maxPending: number
}

const both = fc.record({
  kind: fc.constant('both' as const),
  task: fc.constantFrom<TaskKind>('succeeds', 'again', 'parent', 'fails'),
})

const grammar = fc.letrec<{ step: Step; steps: readonly Step[] }>((tie) => ({
  steps: fc.array(tie('step'), { maxLength: 4, depthIdentifier: 'steps' }),
  step: fc.oneof(
    { depthIdentifier: 'steps', maxDepth: 3 },
    { arbitrary: both, weight: 5 },
    { arbitrary: fc.constant<Step>({ kind: 'swallow' }), weight: 1 },
    { arbitrary: fc.constant<Step>({ kind: 'throw' }), weight: 1 },
    {
      arbitrary: fc.record({ kind: fc.constant('nested' as const), steps: tie('steps'), caught: fc.boolean() }),
      weight: 3,
    },
  ),
}))

export const programs: fc.Arbitrary<Program> = fc.record({
  transactions: fc.array(fc.record({ steps: grammar.steps, succeedsAt: fc.integer({ min: 1, max: 2 }) }), {
    minLength: 1,
    maxLength: 5,
  }),
  concurrency: fc.integer({ min: 1, max: 3 }),
  maxPending: fc.oneof(fc.constant(1_000), fc.integer({ min: 1, max: 4 })),
})

/** The path of a step is its name: transaction, then the index at each level. */
export const pathOf = (path: string, index: number): string => `${path}.${index}`

/**
 * What must be stored: the tasks of the `both` steps whose every level ends well. A swallowed error of the database ends its
 * level badly where the database aborts (PostgreSQL), and harms nobody elsewhere.
 *
 * @returns The steps that count, or undefined where the level fails.
 */
export function survivors(steps: readonly Step[], path: string, aborts: boolean): Map<string, TaskKind> | undefined {
  const kept = new Map<string, TaskKind>()
  let aborted = false
  for (const [index, step] of steps.entries()) {
    const here = pathOf(path, index)
    if (step.kind === 'throw') return undefined
    // In an aborted level every further statement fails, a SAVEPOINT too.
    if (aborted) return undefined
    if (step.kind === 'both') kept.set(here, step.task)
    if (step.kind === 'swallow') aborted = aborts
    if (step.kind !== 'nested') continue
    const inner = survivors(step.steps, here, aborts)
    if (!inner && !step.caught) return undefined
    for (const [name, task] of inner ?? []) kept.set(name, task)
  }
  return aborted ? undefined : kept
}
