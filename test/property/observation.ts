// What can be seen of a program while it runs: the tasks, their events, and what must hold at each of them.
import {
  type AfterCommit,
  ClosedError,
  type Overflow,
  PoolFullError,
  type Stats,
  type TaskHandle,
  type TaskStatus,
} from '../../src/index.js'
import { taskEvents } from '../support/recorders.js'
import { statuses } from '../support/watched.js'
import type { Program, TaskPlan, TransactionPlan } from './programs.js'

/** One attempt of a transaction. */
export interface Attempt {
  readonly name: string
  readonly plan: TransactionPlan
  readonly number: number
  /** Whether `$transaction` was called before `close()` was, or by a running task. */
  readonly admitted: boolean
  expired: boolean
  callbackEnded: boolean
  committed: boolean | undefined
  /** Calls of its `onRollback` function. */
  rollbacks: number
}

export interface Registration {
  readonly name: string
  readonly plan: TaskPlan
  readonly origin: 'scope' | 'late' | 'task'
  /** Undefined for a task that a task has registered. */
  readonly attempt: Attempt | undefined
  handle: TaskHandle | undefined
  cancelled: boolean
  /** Attempts that got to their end while somebody waited for it. */
  completions: number
  readonly events: (typeof taskEvents)[number][]
  /** Position among the accepted ones. */
  acceptedAs: number
  byCaller: boolean
  /** It has got a place. */
  takenIn: boolean
  readonly beforeClose: boolean
}

export const outcomes: readonly string[] = statuses

/** Stats whose sum every accepted task is in. */
export function sumOf(stats: Stats): number {
  const { succeeded, failed, rejected, dropped, interrupted, cancelled, pending, callerRunning } = stats
  return succeeded + failed + rejected + dropped + interrupted + cancelled + pending + callerRunning
}

export class Observation {
  readonly attempts: Attempt[] = []
  readonly registrations = new Map<string, Registration>()
  /** Names of what `afterCommit` threw for. */
  readonly refused = new Set<string>()
  /** What must not be, seen while the program ran. An assertion in a listener would only be logged. */
  readonly violations: string[] = []
  readonly counts: Partial<Record<TaskStatus | 'accepted', number>> = {}
  report: Stats | undefined
  closing: Promise<Stats> | undefined
  readonly #afterCommit: AfterCommit
  readonly #program: Program
  #ticks = 0
  #closedAt = Infinity
  #over = false
  #callerRunning = 0
  #last: { readonly event: string; readonly registration: Registration } | undefined

  constructor(afterCommit: AfterCommit, program: Program) {
    this.#afterCommit = afterCommit
    this.#program = program
    for (const event of taskEvents) afterCommit.on(event, ({ task }) => this.#see(event, task))
  }

  overflowOf({ plan }: Pick<Registration, 'plan'>): Overflow {
    return plan.overflow ?? this.#program.overflow
  }

  /** Something has happened: perhaps it is the moment at which the program closes. */
  tick(): void {
    this.#checkStats()
    if (this.#ticks++ === this.#program.close?.at) this.close()
  }

  /** Calls `close()`, unless that has been done or the program never does. */
  close(): void {
    const { close } = this.#program
    if (!close || this.closing) return
    this.#closedAt = performance.now()
    this.closing = this.#afterCommit.close({ grace: close.grace })
    void this.#awaitReport(this.closing)
  }

  async #awaitReport(closing: Promise<Stats>): Promise<void> {
    this.report = await closing
    this.#over = true
  }

  refuse(registration: Registration, error: unknown): void {
    const { name, origin, attempt } = registration
    this.registrations.delete(name)
    this.refused.add(name)
    const { pending, reserved } = this.#afterCommit.stats()
    if (error instanceof PoolFullError) {
      this.#must(origin !== 'late', `${name} is late and was refused`)
      this.#must(this.overflowOf(registration) === 'refuse', `${name} was refused against its policy`)
      this.#must(pending + reserved === this.#program.maxPending, `${name} was refused but there was room`)
    } else if (error instanceof ClosedError) {
      const mayGoOn = origin === 'task' || (origin === 'scope' && attempt?.admitted)
      this.#must(this.closing !== undefined, `${name}: ClosedError before close()`)
      this.#must(!mayGoOn || this.#isDeadlineOver, `${name} was under way and got a ClosedError before the deadline`)
    } else this.violations.push(`${name}: ${String(error)}`)
  }

  taken({ name, origin, attempt, beforeClose }: Registration): void {
    this.#must(beforeClose || origin !== 'late', `${name}, late, was taken after close()`)
    this.#must(
      beforeClose || attempt?.admitted !== false,
      `${name} was taken, in a transaction that began after close()`,
    )
    this.#checkStats()
  }

  #see(event: (typeof taskEvents)[number], task: TaskHandle): void {
    const registration = this.registrations.get(task.name)
    if (!registration) return void this.violations.push(`${event} for ${task.name}, which was never registered`)
    const { name, attempt, events } = registration
    const last = this.#last
    this.#last = { event, registration }
    events.push(event)
    registration.handle = task
    if (event === 'accepted' || outcomes.includes(event)) {
      this.counts[event as TaskStatus] = (this.counts[event as TaskStatus] ?? 0) + 1
    }
    if (last?.event === 'dropped' && last.registration.takenIn) {
      const makesRoom = event === 'accepted' && this.overflowOf(registration) === 'drop-oldest'
      this.#must(makesRoom, `${last.registration.name} was dropped for nothing`)
    }
    if (event === 'accepted') this.#seeAccepted(registration)
    if (event === 'started') {
      this.#must(!this.#over, `${name} started after close() had resolved`)
      this.#must(attempt?.callbackEnded ?? true, `${name} started inside its transaction`)
    }
    if (event === 'rejected') this.#seeRejected(registration)
    if (event === 'dropped') this.#seeDropped(registration)
    if (event === 'interrupted') this.#must(this.#isDeadlineOver, `${name} was interrupted before the deadline`)
    this.tick()
  }

  #seeAccepted(registration: Registration): void {
    const { callerRunning } = this.#afterCommit.stats()
    registration.acceptedAs = this.counts.accepted ?? 0
    registration.takenIn = registration.handle?.state === 'waiting'
    registration.byCaller = callerRunning > this.#callerRunning
    if (!registration.byCaller) return
    this.#mustBeFull(registration, 'runs in its caller')
    const asked = this.overflowOf(registration) === 'caller-runs' && registration.origin === 'scope'
    this.#must(asked, `${registration.name} runs in its caller against its policy`)
  }

  #seeRejected(registration: Registration): void {
    const { name, origin, takenIn } = registration
    const policy = this.overflowOf(registration)
    const isDue = policy === 'record' || (policy === 'refuse' ? origin === 'late' : origin !== 'scope')
    this.#must(!takenIn, `${name} was rejected later than it came`)
    this.#must(isDue && !policy.startsWith('drop'), `${name} was rejected against its policy`)
    this.#mustBeFull(registration, 'was rejected')
  }

  #seeDropped(registration: Registration): void {
    const { name, events, handle, acceptedAs, takenIn } = registration
    const waiting = [...this.registrations.values()].filter(
      (other) => other.handle?.state === 'waiting' && !other.byCaller && other !== registration,
    )
    if (!takenIn) {
      const policy = this.overflowOf(registration)
      this.#mustBeFull(registration, 'was dropped')
      this.#must(policy.startsWith('drop'), `${name} was dropped against its policy`)
      this.#must(policy === 'drop-newest' || waiting.length === 0, `${name} was dropped although others waited`)
    } else {
      this.#must(events.at(-2) !== 'started', `${name} was dropped while it ran`)
      // When a retry began to wait cannot be seen.
      const longer = waiting.filter((other) => other.handle?.attempts === 0 && other.acceptedAs < acceptedAs)
      this.#must(handle?.attempts !== 0 || longer.length === 0, `${name} was dropped, others had waited longer`)
    }
  }

  get #isDeadlineOver(): boolean {
    // Timers count in whole milliseconds.
    return performance.now() - this.#closedAt >= (this.#program.close?.grace ?? 0) - 1
  }

  #mustBeFull({ name }: Registration, what: string): void {
    const { pending, reserved } = this.#afterCommit.stats()
    this.#must(pending + reserved >= this.#program.maxPending, `${name} ${what} but there was room`)
  }

  #checkStats(): void {
    const stats = this.#afterCommit.stats()
    const { accepted, pending, reserved, running, waiting, backingOff } = stats
    this.#callerRunning = stats.callerRunning
    const { maxPending, concurrency } = this.#program
    this.#must(pending + reserved <= maxPending, `${pending} pending + ${reserved} reserved > ${maxPending}`)
    this.#must(reserved >= 0, `${reserved} reserved`)
    this.#must(running <= concurrency, `${running} running > ${concurrency}`)
    this.#must(waiting + running + backingOff === pending, `gauges: ${JSON.stringify(stats)}`)
    // What is accepted and not taken in has its outcome with the next event.
    const between = this.#last?.event === 'accepted' && accepted === sumOf(stats) + 1
    this.#must(accepted === sumOf(stats) || between, `accounts: ${JSON.stringify(stats)}`)
  }

  #must(holds: boolean, otherwise: string): void {
    if (!holds) this.violations.push(otherwise)
  }
}
