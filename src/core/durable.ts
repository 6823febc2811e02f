import { subscribersOf } from './subscribers.js'
import { storedParts, taskParts } from './define-task.js'
import { OptionsError, PayloadError } from './errors.js'
import { type AfterCommitOptions, needed } from './options.js'
import type { Outbox, OutboxMessage } from './outbox.js'
import type { Queues } from './queues.js'
import type { Scope } from './scope.js'
import type { DefinedTask, Task, TaskOutcome, TaskParts } from './task.js'

/** The durable tasks of an instance: from the registration into the outbox. */
export class Durable {
  /** A test runs them in memory, like all others. */
  inMemory = false
  /** INSERTs under way that no transaction waits for. */
  storing = 0
  readonly #outbox: Outbox | undefined
  readonly #default: boolean
  readonly #queues: Queues
  readonly #statements = new WeakSet<object>()
  readonly #tasks: readonly DefinedTask[] | undefined

  constructor({ options, queues }: { readonly options: AfterCommitOptions; readonly queues: Queues }) {
    this.#outbox = options.outbox
    this.#default = options.durable ?? false
    this.#queues = queues
    this.#tasks = options.tasks
  }

  /** What is registered for an event: its message, or in memory a task for each subscriber. */
  partsOfEvent(event: TaskParts): readonly TaskParts[] {
    const { options, payload } = event.source
    if ((options.durable ?? this.#default) && !this.inMemory) return [event]
    return subscribersOf(event.name, this.#tasks).map((task) => storedParts(task, payload ?? ''))
  }

  /** The parts of a task, with its message if it is durable. @throws PayloadError for what cannot be stored. */
  withMessage(parts: TaskParts, requestId: string | undefined, durable?: boolean): TaskParts {
    const { name, source } = parts
    if (!(durable ?? source.options.durable ?? this.#default)) return parts
    if (!this.#outbox) throw OptionsError.expected('outbox', needed, undefined)
    if (source.payload === null) {
      const why = `\`${name}\` is a closure, which cannot be stored, and tasks are durable here: make it a defined task`
      throw new PayloadError(why)
    }
    const key = source.options.key?.(source.payload === '' ? undefined : JSON.parse(source.payload)) ?? null
    const subscribers = subscribersOf(name, this.#tasks).map((task) => task.name)
    const message = this.#outbox.message({ messageType: name, payload: source.payload, key, requestId, subscribers })
    return { ...parts, source: { ...source, message } }
  }

  /** The statement that stores a task, for the array form. */
  statement(args: readonly unknown[], requestId: string | undefined): object {
    const { source } = this.withMessage(taskParts(args), requestId, true)
    const statement = (this.#outbox as Outbox).statement(source.message as OutboxMessage)
    this.#statements.add(statement)
    return statement
  }

  /** The array form is under way: where it stores messages, the relay hears of their commit. */
  onBatch(batch: unknown, answer: Promise<unknown>): void {
    if (!Array.isArray(batch) || !batch.some((each: object) => this.#statements.has(each))) return
    answer.then(() => this.#outbox?.wake()).catch(() => undefined) // whoever awaits the answer sees its error
  }

  /** Stores those of a transaction, all in one statement. */
  beforeCommit(scope: Scope, tx: object): Promise<void> | undefined {
    const tasks = this.inMemory || !this.#outbox ? [] : scope.tasks.filter(isNew)
    if (tasks.length === 0) return undefined
    for (const task of tasks) task.state = 'stored' // nobody can cancel it any more
    return this.#outbox?.insert(tasks.map(messageOf), tx)
  }

  /** Takes those over that are due, and answers with the tasks that are left. */
  take(tasks: readonly Task[]): readonly Task[] {
    const outbox = this.#outbox
    if (this.inMemory || !outbox || !tasks.some(isDurable)) return tasks
    const late = tasks.filter(isNew)
    const stored = tasks.filter((task) => isDurable(task) && task.state === 'stored')
    for (const task of stored) this.#queues.conclude(task, { status: 'stored', attempts: 0 })
    if (stored.length > 0) outbox.wake()
    if (late.length > 0) void this.#store(outbox, late)
    return tasks.filter((task) => !late.includes(task) && !stored.includes(task))
  }

  /** No transaction takes them along any more. */
  async #store(outbox: Outbox, tasks: readonly Task[]): Promise<void> {
    this.storing++
    for (const task of tasks) task.state = 'stored'
    let outcome: TaskOutcome = { status: 'stored', attempts: 0 }
    try {
      await outbox.insert(tasks.map(messageOf))
      outbox.wake()
    } catch (error) {
      outcome = { status: 'failed', attempts: 0, error }
    }
    this.storing--
    for (const task of tasks) this.#queues.conclude(task, outcome)
  }
}

const isDurable = (task: Task): boolean => task.source.message !== undefined && !task.outcome

const isNew = (task: Task): boolean => isDurable(task) && task.state === 'registered'

const messageOf = (task: Task): OutboxMessage => task.source.message as OutboxMessage
