/** Milliseconds that tasks may run back to back before timers and I/O get their turn. */
const length = 2

/**
 * The turn of the event loop that all slots of an instance share: ten slots with a turn of their own would hold the loop ten
 * times as long. Its pools come one after the other, and the one that a turn had no time for begins the next: a flood of tasks
 * that use up every turn does not stop another pool.
 */
export class Turn {
  #start = -length
  /** When somebody last asked whether it is over, by performance.now(): a look at the clock costs as much as half an attempt. */
  at = 0
  /** By pool; first is the one whose turn it is. */
  readonly #waiting = new Map<object, (() => void)[]>()
  #next: NodeJS.Immediate | undefined

  get isOver(): boolean {
    this.at = performance.now()
    return this.at - this.#start >= length
  }

  /** Calls `run` when the event loop has had its turn. */
  next(pool: object, run: () => void): void {
    const waiting = this.#waiting.get(pool)
    if (waiting) waiting.push(run)
    else this.#waiting.set(pool, [run])
    if (this.#next === undefined) this.#next = setImmediate(this.#take)
  }

  readonly #take = (): void => {
    this.#start = performance.now()
    for (const [pool, waiting] of this.#waiting) {
      const run = waiting.shift()
      this.#waiting.delete(pool)
      if (waiting.length > 0) this.#waiting.set(pool, waiting) // at the end, where this loop comes to it again
      run?.()
      if (this.isOver) break
    }
    this.#next = this.#waiting.size > 0 ? setImmediate(this.#take) : undefined
  }
}
