/** What has to be undone at the end, however the end comes; the last thing first. */
export class Cleanup {
  readonly #steps: (() => unknown)[] = []

  add(step: () => unknown): void {
    this.#steps.push(step)
  }

  /** Does every step once, also when another one fails. */
  async run(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step()
      } catch (error) {
        console.error(`Cleaning up: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }
}
