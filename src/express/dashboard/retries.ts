import type { TaskHandle, TaskStatus } from '../../core/index.js'

export interface Retry {
  /** The failure that was retried. */
  readonly of: string
  readonly id: string
  readonly status: TaskStatus | 'pending'
}

const most = 100

/** What became of the tasks that this page has started again: the last ones of them. */
export class Retries {
  readonly #retries = new Map<string, Retry>()
  /** One more whenever a row of the failure log may look different. */
  changes = 0

  get all(): readonly Retry[] {
    return [...this.#retries.values()]
  }

  changed(): void {
    this.changes++
  }

  follow(of: string, { id, settled }: TaskHandle): void {
    this.#set({ of, id, status: 'pending' })
    void settled.then(({ status }) => this.#set({ of, id, status }))
  }

  #set(retry: Retry): void {
    this.#retries.delete(retry.of)
    this.#retries.set(retry.of, retry)
    for (const of of this.#retries.keys()) {
      if (this.#retries.size <= most) break
      this.#retries.delete(of)
    }
    this.changed()
  }
}
