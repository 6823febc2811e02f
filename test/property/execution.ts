// Runs a program on a database.
import { AbortError, createAfterCommit, defineTask, NestedBatchError, type TaskContext } from '../../src/index.js'
import { asyncLocalStorageCarrier } from '../../src/core/context.js'
import { contextOptions } from '../support/context.js'
import type { TestDatabase } from '../support/databases.js'
import { type RecordingFailureLog, recordingFailureLog, recordingLogger } from '../support/recorders.js'
import { deferred, until } from '../support/wait.js'
import { insert, sharedClient, type Tx } from '../support/watched.js'
import { type Attempt, Observation, type Registration } from './observation.js'
import { expires, pathOf, patience, type Program, type Step, type TaskPlan, type TransactionPlan } from './programs.js'

export interface Execution {
  readonly seen: Observation
  readonly failureLog: RecordingFailureLog
  readonly afterCommit: ReturnType<typeof createAfterCommit>
}

class Planned extends Error {}

/** One for all instances: before Node 24 each AsyncLocalStorage of the process makes each of its promises dearer. */
const carrier = contextOptions().context ?? asyncLocalStorageCarrier()

export async function execute(db: TestDatabase, program: Program, prefix: string): Promise<Execution> {
  const failureLog = recordingFailureLog()
  const { concurrency, maxPending, overflow, backoff } = program
  const afterCommit = createAfterCommit({
    context: carrier,
    concurrency,
    maxPending,
    overflow,
    retry: { retries: 2, minTimeout: backoff, factor: 1, randomize: false },
    abortGrace: 2,
    logger: recordingLogger(),
    failureLog,
  })
  const prisma = afterCommit.watch(sharedClient(db))
  const seen = new Observation(afterCommit, program)
  /** At the end, what ignores its signal goes on. */
  const released = deferred()
  /** What goes on while nobody awaits it. */
  const aside: Promise<void>[] = []

  const perform = async (registration: Registration, { attempt, signal }: TaskContext): Promise<void> => {
    const { behaviour, children, transaction } = registration.plan
    const isFirst = attempt === 1
    if (behaviour === 'fails') throw new AbortError('for good')
    if (behaviour === 'again' && isFirst) throw new TypeError('once')
    if (behaviour === 'hopeless' || (behaviour === 'stuck' && isFirst)) return released.promise
    if ((behaviour === 'slow' || behaviour === 'tardy') && isFirst) await aborted(signal)
    if (behaviour === 'slow' && isFirst) throw signal.reason
    registration.completions++
    for (const [index, child] of children.entries()) {
      tolerate(() => register(`${registration.name}>${index}`, child, 'task'))
    }
    if (transaction && (behaviour === 'succeeds' || behaviour === 'again')) {
      const own = transact(transaction, 1, `${registration.name}>`, registration)
      aside.push(own)
      await own
    }
  }

  /** Throws what `afterCommit` throws, which is what the program has to reckon with. */
  const register = (name: string, plan: TaskPlan, origin: Registration['origin'], attempt?: Attempt): Registration => {
    const events: Registration['events'] = []
    const plain = { cancelled: false, completions: 0, acceptedAs: 0, byCaller: false, takenIn: false }
    const beforeClose = seen.closing === undefined
    const registration: Registration = { name, plan, origin, attempt, events, handle: undefined, beforeClose, ...plain }
    seen.registrations.set(name, registration)
    const times = ['slow', 'tardy', 'stuck', 'hopeless'].includes(plan.behaviour) ? { timeout: 4 } : {}
    const options = { ...times, ...(plan.overflow && { overflow: plan.overflow }) }
    try {
      const task = defineTask(name, (_: void, context) => perform(registration, context), options)
      registration.handle = afterCommit(task)
    } catch (error) {
      seen.refuse(registration, error)
      throw error
    }
    seen.taken(registration)
    return registration
  }

  const walk = async (tx: Tx, steps: readonly Step[], at: string, attempt: Attempt, ended: Promise<void>) => {
    /** After the transaction has timed out nothing succeeds any more, and the callback does not care. */
    const regardless = async (work: PromiseLike<unknown>): Promise<void> => {
      await Promise.resolve(work).catch((error: unknown) => {
        if (!attempt.expired) throw error
      })
    }
    for (const [index, step] of steps.entries()) {
      const here = pathOf(at, index)
      seen.tick()
      if (step.kind === 'throw') throw new Planned()
      if (step.kind === 'expire') await expire(tx, attempt)
      if (step.kind === 'outlast' && program.close && program.close.grace < patience) {
        seen.close()
        await seen.closing
      }
      if (step.kind === 'late') {
        aside.push(ended.then(() => void tolerate(() => register(here, step.task, 'late', attempt))))
      }
      if (step.kind === 'both') {
        const take = (): Registration => register(here, step.task, 'scope', attempt)
        const registration = step.tolerant ? tolerate(take) : take()
        if (registration && step.cancelled) registration.cancelled = registration.handle?.cancel() ?? false
        if (registration) await regardless(insert(tx, here))
      }
      if (step.kind === 'swallow') await Promise.resolve(insert(tx, `${prefix}taken`)).catch(() => {})
      if (step.kind === 'batch') {
        const error: unknown = await tx.$transaction([insert(tx, here)] as never).catch((reason: unknown) => reason)
        if (!(error instanceof NestedBatchError)) seen.violations.push(`the batch ${here}: ${String(error)}`)
      }
      if (step.kind === 'nested') {
        const nested = tx.$transaction((inner) => walk(inner, step.steps, here, attempt, ended))
        await (step.caught ? nested.catch(() => {}) : regardless(nested))
      }
    }
  }

  const transact = async (plan: TransactionPlan, number: number, name: string, by?: Registration): Promise<void> => {
    const admitted = seen.closing === undefined || by?.handle?.state === 'running'
    const plain = { expired: false, callbackEnded: false, committed: undefined, rollbacks: 0 }
    const attempt: Attempt = { name, plan, number, admitted, ...plain }
    seen.attempts.push(attempt)
    const ended = deferred()
    const body = async (tx: Tx): Promise<void> => {
      // Something is always registered, so that PostgreSQL is always asked whether it has aborted.
      afterCommit.onRollback(() => void attempt.rollbacks++)
      try {
        await walk(tx, plan.steps, name, attempt, ended.promise)
        if (number < plan.succeedsAt) throw new Planned()
        if (expires(plan.steps)) await expire(tx, attempt)
      } finally {
        attempt.callbackEnded = true
      }
    }
    const limits = { maxWait: patience, timeout: expires(plan.steps) ? 10 : patience }
    await prisma.$transaction(body, limits).then(
      () => (attempt.committed = true),
      () => (attempt.committed = false),
    )
    ended.resolve()
  }

  await insert(sharedClient(db), `${prefix}taken`)
  await Promise.all(
    program.transactions.map(async (plan, index) => {
      for (let number = 1; number <= plan.succeedsAt; number++) {
        await transact(plan, number, `${prefix}${index}:${number}`)
      }
    }),
  )
  await seen.closing
  let awaited: number
  do {
    awaited = aside.length
    await Promise.all(aside)
    await afterCommit.idle()
  } while (aside.length > awaited)
  released.resolve()
  await until(() => afterCommit.stats().abandoned === 0)
  return { seen, failureLog, afterCommit }
}

/** Answers with nothing where the registration is refused. */
function tolerate(register: () => Registration): Registration | undefined {
  try {
    return register()
  } catch {
    return undefined // the observation has seen it
  }
}

async function expire(tx: Tx, attempt: Attempt): Promise<void> {
  await until(async () => {
    const error: unknown = await tx.$queryRawUnsafe('SELECT 1').catch((reason: unknown) => reason)
    return (error as { code?: unknown }).code === 'P2028'
  })
  attempt.expired = true
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
