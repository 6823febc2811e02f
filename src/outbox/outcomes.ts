import { setTimeout as delay } from 'node:timers/promises'
import type { Delivery } from './delivery.js'
import { claimOf, type Source, type Verdict } from './source.js'

/** What became of a message: its handler resolved (no verdict), or it goes back to the table, or it is dead. */
export interface Outcome {
  readonly delivery: Delivery
  readonly verdict?: Verdict
  /** What the handler threw. */
  readonly error?: unknown
}

export interface OutcomesSettings {
  readonly source: Source
  /** Called when it is in the table. */
  readonly onWritten: (outcome: Outcome) => void
  /** Somebody else has claimed the message since: this outcome has been dropped. */
  readonly onStale: (outcome: Outcome) => void
  readonly onError: (error: unknown) => void
}

const batchSize = 500

/** Writes outcomes in batches, one write at a time: what comes meanwhile is the next batch. Nothing counts before it is written. */
export class Outcomes {
  #waiting: Outcome[] = []
  #writing: Promise<void> | undefined
  #stopped = false
  readonly #settings: OutcomesSettings

  constructor(settings: OutcomesSettings) {
    this.#settings = settings
  }

  /** Not written yet, as far as is known. */
  size = 0

  add(outcome: Outcome): void {
    this.size++
    this.#waiting.push(outcome)
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined))
  }

  /** Resolves when all are written, or `patience` milliseconds are over: then the others are left to their leases. */
  async flush(patience: number): Promise<void> {
    const expired = new AbortController()
    const timer = delay(patience, undefined, { signal: expired.signal }).catch(() => undefined)
    await Promise.race([timer, this.idle()])
    expired.abort()
    this.#stopped = true
  }

  async idle(): Promise<void> {
    while (this.#writing) await this.#writing
  }

  async #write(): Promise<void> {
    // One turn of the event loop: those of handlers that end together are written together.
    await new Promise((resolve) => setImmediate(resolve))
    for (let pause = 50; this.#waiting.length > 0 && !this.#stopped;) {
      const batch = this.#waiting.splice(0, batchSize)
      const left = new Set(batch)
      try {
        const { source } = this.#settings
        const of = (kind: Kind): readonly Outcome[] => batch.filter((outcome) => kindOf(outcome) === kind)
        await this.#writeThose(of('handled'), left, (those) =>
          source.complete(those.map(({ delivery }) => delivery.held)),
        )
        await this.#writeThose(of('event'), left, (those) =>
          source.fanOut(those.map(({ delivery: { held, messages = [] } }) => ({ ...held, messages }))),
        )
        await this.#writeThose(of('judged'), left, (those) =>
          source.putBack(those.flatMap(({ verdict }) => verdict ?? [])),
        )
        pause = 50
      } catch (error) {
        // What is written twice is not held any more the second time, and counted as stale: better than not at all.
        this.#waiting.unshift(...left)
        this.#settings.onError(error)
        await delay(pause)
        pause = Math.min(pause * 2, 1_000)
      }
    }
  }

  async #writeThose(
    outcomes: readonly Outcome[],
    left: Set<Outcome>,
    write: (outcomes: readonly Outcome[]) => Promise<ReadonlySet<string>>,
  ): Promise<void> {
    if (outcomes.length === 0) return
    const { onWritten, onStale } = this.#settings
    const written = await write(outcomes)
    for (const outcome of outcomes) {
      left.delete(outcome)
      this.size--
      if (written.has(claimOf(outcome.delivery.held))) onWritten(outcome)
      else onStale(outcome)
    }
  }
}

type Kind = 'handled' | 'event' | 'judged'

function kindOf({ delivery, verdict }: Outcome): Kind {
  if (verdict) return 'judged'
  return delivery.isEvent ? 'event' : 'handled'
}
