import { now } from './clock.js'
import type { CapturedContext } from './context.js'

/** Something that must have ended at `deadline`, by `now()`. */
interface Limited {
  deadline: number
  /** Where it is in the list. */
  place: number
  /** Called at the deadline; may set another one and be added again. */
  expire(): void
}

/**
 * One timer for all running attempts: a timer each costs more than most tasks. It is set when the event loop has had a turn, so
 * what has ended by then has not cost one. Where nothing runs there is none.
 */
export class Deadlines {
  /** In no order: the last one takes the place of one that leaves. A Set costs several times as much. */
  readonly #limited: Limited[] = []
  readonly #home: CapturedContext
  #timer: NodeJS.Timeout | undefined
  #check: NodeJS.Immediate | undefined
  /** When the timer is due: not later than the first deadline. */
  #at = Infinity

  /** @param home That of the instance's construction: where tasks follow one another, the timer outlives them. */
  constructor(home: CapturedContext) {
    this.#home = home
  }

  add(limited: Limited): void {
    limited.place = this.#limited.push(limited) - 1
    if (limited.deadline < this.#at && !this.#check) this.#check = setImmediate(this.#set)
  }

  delete(limited: Limited): void {
    if (this.#limited[limited.place] !== limited) return // it has expired
    const last = this.#limited.pop()
    if (last && last !== limited) {
      this.#limited[limited.place] = last
      last.place = limited.place
    }
    if (this.#limited.length === 0 && this.#timer) this.#set()
  }

  readonly #expire = (): void => {
    for (const limited of this.#limited.filter(({ deadline }) => deadline <= this.#at)) {
      this.delete(limited)
      limited.expire()
    }
    this.#set()
  }

  readonly #set = (): void => {
    clearImmediate(this.#check)
    this.#check = undefined
    this.#at = Math.min(...this.#limited.map(({ deadline }) => deadline))
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#at === Infinity) return
    this.#timer = this.#home.runInAsyncScope(setTimeout<[]>, undefined, this.#expire, Math.ceil(this.#at - now()))
  }
}
