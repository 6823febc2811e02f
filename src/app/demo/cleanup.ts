/** What has to be undone at the end, however the end comes; the last thing first. */
export class Cleanup {
  readonly #steps: (() => unknown)[] = []
  #undone: Promise<void> = Promise.resolve()

  add(step: () => unknown): void {
    this.#steps.push(step)
  }

  /**
   * Does every step once, also when another one fails. Resolves when all are done, also those that another call has
   * begun: the first caller to come back may end the process.
   */
  run(): Promise<void> {
    this.#undone = this.#undone.then(() => this.#undo())
    return this.#undone
  }

  async #undo(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step()
      } catch (error) {
        console.error(`Cleaning up: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }
}
