import type { CapturedContext } from './context.js'
import type { FailureLog, FailureRecord } from './failure-log.js'

const batchSize = 100
/** Records that wait for their first write, and for another try, at most; beyond, they are in the logger only. */
const capacity = { fresh: 100_000, refused: 10_000 }
/** Refusals after which the rest is offered another time. */
const giveUpAfter = 100
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
 * again with a growing pause. While the store is usable, a batch that it refuses is offered in halves, so that a record that
 * it will never take does not hold up the others.
 */
export class FailureWriter {
  readonly #settings: FailureWriterSettings
  #fresh: FailureRecord[] = []
  /** With the store right now, and not reported. */
  #batch: FailureRecord[] = []
  #refused: FailureRecord[] = []
  #writing: Promise<void> | undefined
  #offering = Promise.resolve()
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
    this.#writing ??= this.#settings.context.runInAsyncScope(() => this.#write())
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
    const isOver = (await Promise.race([flushed, expired])) === 'expired'
    const unwritten = isOver ? [...this.#batch.splice(0), ...this.#fresh.splice(0)] : []
    const error = new Error(`The failure log did not answer within ${patience} ms`)
    if (unwritten.length > 0) this.#settings.onLost(unwritten, error)
    clearTimeout(timer)
    clearTimeout(this.#timer)
  }

  #offer(everything: boolean): Promise<void> {
    const offer = (): Promise<void> => this.#settings.context.runInAsyncScope(() => this.#offerAgain(everything))
    return (this.#offering = this.#offering.then(offer))
  }

  async #write(): Promise<void> {
    // One turn of the event loop: the failures of a storm come together in one batch.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#fresh.length > 0) {
      const batch = this.#fresh.splice(0, batchSize)
      this.#batch = [...batch]
      try {
        await this.#settings.store.write(batch)
        this.#pause = 1_000
      } catch (error) {
        this.#keep(batch)
        if (this.#batch.length > 0) this.#settings.onLost(batch, error) // otherwise `flush` has reported them
        this.#schedule()
      }
      this.#batch = []
    }
    this.#writing = undefined
  }

  #keep(refused: readonly FailureRecord[]): void {
    this.#refused.push(...refused)
    this.#refused.splice(0, Math.max(0, this.#refused.length - capacity.refused))
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      void this.#offer(false)
    }, this.#pause).unref()
  }

  async #offerAgain(everything: boolean): Promise<void> {
    const { store } = this.#settings
    const all = this.#refused.splice(0)
    const parts: FailureRecord[][] = []
    while (all.length > 0) parts.push(all.splice(0, batchSize))
    const alone: FailureRecord[] = []
    let left = everything ? Infinity : giveUpAfter
    while (parts.length > 0 && left > 0) {
      const part = parts.shift() ?? []
      if (await succeeds(() => store.write(part))) {
        this.#pause = 1_000
        continue
      }
      left--
      if (part.length === 1) alone.push(...part)
      else parts.unshift(part.splice(0, Math.ceil(part.length / 2)), part)
      if (!(await succeeds(() => store.check()))) break // otherwise a record is the trouble, and not the store
    }
    // Those that were not offered come first the next time.
    this.#keep([...parts.flat(), ...alone])
    if (everything || this.#refused.length === 0) return
    this.#pause = Math.min(this.#pause * 2, 60_000)
    this.#schedule()
  }
}

async function succeeds(ask: () => Promise<void>): Promise<boolean> {
  try {
    await ask()
    return true
  } catch {
    return false
  }
}
