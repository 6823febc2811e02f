export interface RhythmSettings {
  readonly concurrency: number
  readonly batch: number
  readonly lease: number
  readonly pollInterval: number
}

/** Milliseconds of work that may lie claimed and waiting: a relay that dies holds it up until its leases end. */
const ahead = 250

/** When a relay asks the table, and for how much: soon where there was more, or where somebody says so, and seldom when idle. */
export class Rhythm {
  readonly #settings: RhythmSettings
  /** Milliseconds of a handler, the last ones counting most. */
  #average: number | undefined
  /** Set by who says that there may be something. */
  #nudged = true
  #hadRoom = true
  #pollDelay: number
  /** By performance.now(). */
  #pollAt = 0
  #errorDelay = 0
  /** By performance.now(): a retry of a message of this relay. */
  #nextDue = Infinity
  #suspectsAt = 0
  #wake: (() => void) | undefined
  #waitingForEnd: (() => void)[] = []

  constructor(settings: RhythmSettings) {
    this.#settings = settings
    this.#pollDelay = settings.pollInterval
  }

  get #suspectInterval(): number {
    return Math.min(500, this.#settings.lease / 4)
  }

  /** Whether it is time to look for leases that have run out. True once in a while. */
  get suspectsAreDue(): boolean {
    if (performance.now() < this.#suspectsAt) return false
    this.#suspectsAt = performance.now() + this.#suspectInterval
    return true
  }

  /** Whether to look for messages: it is time, or somebody says so. */
  get claimIsDue(): boolean {
    return this.#nudged || !this.#hadRoom || performance.now() >= this.#pollAt
  }

  /** How many messages to claim. */
  room(inFlight: number, unwritten: number): number {
    const { batch, concurrency } = this.#settings
    const forAWhile = this.#average === undefined ? 0 : (concurrency * ahead) / Math.max(this.#average, 0.001)
    const target = Math.max(concurrency, Math.min(batch, Math.floor(forAWhile)))
    const wants = unwritten < 4 * batch && (inFlight <= target / 2 || inFlight < concurrency)
    this.#hadRoom = wants
    if (wants) this.#nudged = false // from here on, a nudge may mean what the claim does not see
    return wants ? Math.min(batch, target - inFlight) : 0
  }

  claimed(found: number, room: number): void {
    if (room === 0) return
    this.#errorDelay = 0
    const { pollInterval } = this.#settings
    if (found > 0) this.#nudged = true
    this.#pollDelay = found > 0 ? Math.max(1, pollInterval / 16) : Math.min(this.#pollDelay * 2, pollInterval)
    this.#pollAt = performance.now() + this.#pollDelay
  }

  /** The database has refused: less and less often, until it answers. */
  failed(): void {
    this.#errorDelay = Math.min(Math.max(this.#errorDelay * 2, 50), Math.max(1_000, this.#settings.pollInterval))
  }

  /** There may be something to claim. */
  nudge(): void {
    this.#nudged = true
    if (this.#hadRoom && this.#errorDelay === 0) this.#wake?.()
  }

  dueIn(milliseconds: number): void {
    this.#nextDue = Math.min(this.#nextDue, performance.now() + milliseconds + 1)
  }

  handled(milliseconds: number): void {
    this.#average = this.#average === undefined ? milliseconds : this.#average * 0.8 + milliseconds * 0.2
    this.ended()
  }

  /** There is room for another one. */
  ended(): void {
    if (!this.#hadRoom) this.#wake?.()
    for (const resolve of this.#waitingForEnd.splice(0)) resolve()
  }

  nextEnd(): Promise<void> {
    return new Promise((resolve) => this.#waitingForEnd.push(resolve))
  }

  /** Ends every wait. */
  interrupt(): void {
    this.#wake?.()
    for (const resolve of this.#waitingForEnd.splice(0)) resolve()
  }

  async pause(isOver: () => boolean): Promise<void> {
    // Never longer without the others of this process having their turn.
    await new Promise((resolve) => setImmediate(resolve))
    if (isOver() || (this.#nudged && this.#hadRoom && this.#errorDelay === 0)) return
    const at = performance.now()
    const until = Math.min(this.#pollAt - at, this.#nextDue - at, this.#suspectsAt - at)
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.max(this.#errorDelay, Math.min(until, this.#settings.pollInterval), 1))
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = undefined
    if (performance.now() < this.#nextDue) return
    this.#nextDue = Infinity
    this.#nudged = true
  }
}
