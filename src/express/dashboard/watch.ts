import type { AfterCommitEventName, AfterCommitListener, TaskHandle } from '../../core/index.js'
import { Activity, pointAt, type Summary } from './activity.js'

/** Where events of tasks come from: an instance, a relay. */
interface Source {
  on<N extends AfterCommitEventName>(event: N, listener: AfterCommitListener<N>): () => void
}

export interface WatchSettings {
  readonly sources: readonly Source[]
  /** Milliseconds after the last look in which it goes on. @default 20_000 */
  readonly patience?: number
}

/** Names beyond that are counted together: a closure's name may have an id in it. */
const maxNames = 100
const others = '(other tasks)'

/**
 * Attempts of every task, while somebody looks. It listens from the first look on, and until nobody has looked for a while: a
 * dashboard that nobody watches costs nothing, and has nothing to tell of that time.
 */
export class Watch {
  readonly #sources: readonly Source[]
  readonly #patience: number
  readonly #started = new WeakMap<TaskHandle, number>()
  readonly #tasks = new Map<string, Activity>()
  #remove: (() => void)[] = []
  #timer: NodeJS.Timeout | undefined
  /** Since when, in milliseconds of the clock. */
  #since = 0

  constructor({ sources, patience = 20_000 }: WatchSettings) {
    this.#sources = sources
    this.#patience = patience
  }

  get isWatching(): boolean {
    return this.#remove.length > 0
  }

  /** What happened in the last minutes, or since somebody looks. Points from the one that has the number `from` on. */
  look(from: number): { readonly since: number; readonly at: number; readonly tasks: readonly Summary[] } {
    if (!this.isWatching) this.#start()
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.stop(), this.#patience)
    this.#timer.unref()
    const at = pointAt(Date.now())
    const tasks: Summary[] = []
    for (const [name, activity] of this.#tasks) {
      const summary = activity.summary(name, at, from)
      if (summary) tasks.push(summary)
      else this.#tasks.delete(name)
    }
    return { since: this.#since, at, tasks }
  }

  stop(): void {
    clearTimeout(this.#timer)
    for (const remove of this.#remove) remove()
    this.#remove = []
    this.#tasks.clear()
  }

  #start(): void {
    this.#since = Date.now()
    this.#remove = this.#sources.flatMap((source) => [
      source.on('started', ({ task }) => void this.#started.set(task, performance.now())),
      source.on('succeeded', ({ task }) => this.#ended(task, 'succeeded')),
      source.on('retrying', ({ task }) => this.#ended(task, 'failed')),
      source.on('failed', ({ task }) => this.#ended(task, 'failed')),
    ])
  }

  #ended(task: TaskHandle, outcome: 'succeeded' | 'failed'): void {
    const started = this.#started.get(task)
    this.#started.delete(task)
    const milliseconds = started === undefined ? undefined : performance.now() - started
    this.#of(task.name).add(pointAt(Date.now()), outcome, milliseconds)
  }

  #of(name: string): Activity {
    const known = this.#tasks.has(name) || this.#tasks.size < maxNames ? name : others
    let activity = this.#tasks.get(known)
    if (!activity) this.#tasks.set(known, (activity = new Activity()))
    return activity
  }
}
