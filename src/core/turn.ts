/** Milliseconds that tasks may run back to back before timers and I/O get their turn. */
const length = 5

/**
 * The turn of the event loop that all slots of an instance share: ten slots with a turn of their own would hold the loop ten
 * times as long.
 */
export class Turn {
  #start = 0
  #next: Promise<void> | undefined

  get isOver(): boolean {
    return performance.now() - this.#start > length
  }

  /** Resolves when the event loop has had its turn. */
  next(): Promise<void> {
    this.#next ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#next = undefined
        this.#start = performance.now()
        resolve()
      })
    })
    return this.#next
  }
}
