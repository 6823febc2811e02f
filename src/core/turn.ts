import { now } from './clock.js'
import type { Slots } from './slots.js'

/** Milliseconds that tasks may run back to back before timers and I/O get their turn. */
const length = 2
/** An iteration of the event loop that takes less has had nothing to do. */
const idle = 0.05

/**
 * The turn of the event loop that all slots of an instance share: ten slots with a turn of their own would hold the loop ten
 * times as long. Its pools come one after the other, and the one that a turn had no time for begins the next: a flood of tasks
 * that use up every turn does not stop another pool.
 *
 * After a turn, timers and I/O get as long as the tasks had, if they need it and up to the length of a turn. One iteration of the
 * event loop would not do: in each, Node accepts one new connection, so a burst of them would come in at the pace of the turns.
 */
export class Turn {
  #start = -length
  /** When the event loop last came by. */
  #iteration = 0
  /** When somebody last asked whether it is over, by `now()`: a look at the clock costs as much as half an attempt. */
  at = 0
  /** Those in which something waits; first is the one whose turn it is. */
  readonly #pools: Pick<Slots, 'ready'>[] = []
  #next: NodeJS.Immediate | undefined

  get isOver(): boolean {
    this.at = now()
    return this.at - this.#start >= length
  }

  /** Calls `run` when the event loop has had its turn. */
  next(pool: Pick<Slots, 'ready'>, run: () => void): void {
    if (pool.ready.push(run) === 1) this.#pools.push(pool)
    if (this.#next === undefined) this.#next = setImmediate(this.#take)
  }

  readonly #take = (): void => {
    const at = now()
    const isBusy = at - Math.max(this.at, this.#iteration) > idle
    this.#iteration = at
    const share = Math.min(this.at - this.#start, length)
    if (isBusy && at - this.at < share) return void (this.#next = setImmediate(this.#take))
    this.#start = at
    for (let pool = this.#pools.shift(); pool; pool = this.#pools.shift()) {
      const run = pool.ready.shift()
      if (pool.ready.length > 0) this.#pools.push(pool)
      run?.()
      if (this.isOver) break
    }
    this.#next = this.#pools.length > 0 ? setImmediate(this.#take) : undefined
  }
}
