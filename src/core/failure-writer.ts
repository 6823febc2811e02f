import type { CapturedContext } from './context.js'
import type { FailureLog, FailureRecord } from './failure-log.js'

const batchSize = 100
/** Records that wait for their first write, and for another try, at most; beyond, they are in the logger only. */
const capacity = { fresh: 100_000, refused: 10_000 }
/** Milliseconds that the store may take for the last flush. */
const patience = 5_000

export interface FailureWriterSettings {
  readonly store: FailureLog
  /** Neutral: rows of one request must not be written in the async context of another. */
  readonly context: CapturedContext
  /** These could not be stored; called once for each record. */
  readonly onLost: (records: readonly FailureRecord[], error: unknown) => void
}

/**
 * Writes failure records in batches, one write at a time. What the store refuses is reported at once and kept, and offered
 * again with a growing pause: one by one, so that a record that the store will never take does not hold up the others.
 */
export class FailureWriter {
  readonly #settings: FailureWriterSettings
  #fresh: FailureRecord[] = []
  /** With the store right now. */
  #batch: FailureRecord[] = []
  #refused: FailureRecord[] = []
  #writing: Promise<void> | undefined
  #offering: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #pause = 1_000

  constructor(settings: FailureWriterSettings) {
    this.#settings = settings
  }

  add(record: FailureRecord): void {
    if (this.#fresh.length >= capacity.fresh) {
      return this.#settings.onLost([record], new Error(`${capacity.fresh} records are waiting for the failure log`))
    }
    this.#fresh.push(record)
    this.#start()
  }

  /** Resolves when every record is stored or has been reported. */
  async idle(): Promise<void> {
    while (this.#writing) await this.#writing
  }

  /** Offers everything once more, for the last time; a store that does not answer cannot hold up a shutdown. */
  async flush(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const expired = new Promise<'expired'>((resolve) => {
      timer = setTimeout(() => resolve('expired'), patience)
    })
    const flushed = this.idle().then(() => this.#offer(true))
    if ((await Promise.race([flushed, expired])) === 'expired') {
      const error = new Error(`The failure log did not answer within ${patience} ms`)
      this.#settings.onLost([...this.#batch, ...this.#fresh.splice(0)], error)
    }
    clearTimeout(timer)
    clearTimeout(this.#timer)
  }

  async #offer(everything: boolean): Promise<void> {
    await this.#offering
    this.#offering = this.#settings.context.run(() => this.#offerAgain(everything))
    await this.#offering
  }

  #start(): void {
    this.#writing ??= this.#settings.context.run(() => this.#write())
  }

  async #write(): Promise<void> {
    // One turn of the event loop: the failures of a storm come together in one batch.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#fresh.length > 0) {
      const batch = (this.#batch = this.#fresh.splice(0, batchSize))
      try {
        await this.#settings.store.write(batch)
        this.#pause = 1_000
      } catch (error) {
        this.#refused.push(...batch)
        this.#refused.splice(0, Math.max(0, this.#refused.length - capacity.refused))
        this.#settings.onLost(batch, error)
        this.#schedule()
      }
      this.#batch = []
    }
    this.#writing = undefined
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      void this.#offer(false)
    }, this.#pause).unref()
  }

  async #offerAgain(everything: boolean): Promise<void> {
    for (let left = this.#refused.length; left > 0; left--) {
      const record = this.#refused.shift()
      if (!record) return
      try {
        await this.#settings.store.write([record])
        this.#pause = 1_000
      } catch {
        this.#refused.push(record)
        if (everything) continue
        this.#pause = Math.min(this.#pause * 2, 60_000)
        return this.#schedule()
      }
    }
  }
}
