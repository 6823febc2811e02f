import type { Task } from './task.js'

/**
 * Tasks in order, of which any may get its outcome and so leave at any time. Those that have left are passed over, and now and
 * then swept out. A Set does the same at several times the cost, and its first member is the farther away the more have left.
 */
export class Line {
  #tasks: (Task | undefined)[] = []
  #head = 0
  /** Those in it that have no outcome yet. */
  size = 0

  push(task: Task): void {
    this.#tasks.push(task)
    this.size++
  }

  /** Takes the first one out. */
  shift(): Task | undefined {
    const { first } = this
    if (first) {
      this.#tasks[this.#head++] = undefined
      this.left()
    }
    return first
  }

  /** To be called when a task in it has got its outcome. */
  left(): void {
    this.size--
    // Only when two thirds are to go: so each sweep is paid for by those that have left.
    if (this.#tasks.length > 64 + 3 * this.size || this.size === 0) {
      this.#tasks = this.all()
      this.#head = 0
    }
  }

  get first(): Task | undefined {
    for (; this.#head < this.#tasks.length; this.#head++) {
      const task = this.#tasks[this.#head]
      if (task && !task.outcome) return task
    }
    return undefined
  }

  all(): Task[] {
    const rest = this.#tasks.slice(this.#head)
    return rest.length === this.size ? (rest as Task[]) : (rest.filter((task) => task && !task.outcome) as Task[])
  }
}
