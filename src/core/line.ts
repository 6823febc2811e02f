import type { Task } from './task.js'

/** So few that an array of them is as young as they are: V8 has to note each young object that an old array points to. */
const chunkSize = 512

/**
 * Tasks in order, of which any may get its outcome and so leave at any time. Those that have left are passed over, and now and
 * then swept out. A Set does the same at several times the cost, and its first member is the farther away the more have left.
 */
export class Line {
  #first: (Task | undefined)[] = []
  /** The chunks after the first. */
  #rest: (Task | undefined)[][] = []
  #last = this.#first
  /** Where the first chunk goes on. */
  #head = 0
  /** Those in the chunks, whether they have left or not. */
  #length = 0
  /** Those in it that have no outcome yet. */
  size = 0

  push(task: Task): void {
    if (this.#last.length >= chunkSize) this.#rest.push((this.#last = []))
    this.#last.push(task)
    this.#length++
    this.size++
  }

  /** Takes the first one out. */
  shift(): Task | undefined {
    const { first } = this
    if (first) {
      this.#pass()
      this.left()
    }
    return first
  }

  /** To be called when a task in it has got its outcome. */
  left(): void {
    this.size--
    if (this.#length === this.size) return
    // Only when two thirds are to go: so each sweep is paid for by those that have left.
    if (this.#length <= 64 + 3 * this.size && this.size > 0) return
    this.#first = this.#last = this.all()
    this.#rest = []
    this.#head = 0
    this.#length = this.size
  }

  get first(): Task | undefined {
    while (this.#length > 0) {
      const task = this.#first[this.#head]
      if (task && !task.outcome) return task
      this.#pass()
    }
    return undefined
  }

  all(): Task[] {
    const chunks = this.size > 0 ? [this.#first.slice(this.#head), ...this.#rest] : []
    return chunks.flat().filter((task) => task && !task.outcome) as Task[]
  }

  #pass(): void {
    this.#length--
    this.#first[this.#head++] = undefined
    if (this.#head < this.#first.length || this.#first.length < chunkSize) return
    this.#first = this.#rest.shift() ?? (this.#last = [])
    this.#head = 0
  }
}
