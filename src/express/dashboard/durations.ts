/** Durations in steps of a fifth: a quarter of a power of two each, so that a quantile is right to within a tenth. */
export class Durations {
  readonly #counts = new Map<number, number>()
  #size = 0

  get size(): number {
    return this.#size
  }

  add(milliseconds: number): void {
    const step = milliseconds < 1 ? 0 : 1 + Math.floor(4 * Math.log2(milliseconds))
    this.#counts.set(step, (this.#counts.get(step) ?? 0) + 1)
    this.#size++
  }

  addAll(other: Durations): void {
    for (const [step, count] of other.#counts) this.#counts.set(step, (this.#counts.get(step) ?? 0) + count)
    this.#size += other.#size
  }

  /** Milliseconds that a share of them did not exceed; null where there are none. */
  quantile(share: number): number | null {
    let left = Math.ceil(share * this.#size)
    for (const [step, count] of [...this.#counts].toSorted(([a], [b]) => a - b)) {
      left -= count
      if (left <= 0) return step === 0 ? 0 : 2 ** ((step - 0.5) / 4)
    }
    return null
  }
}
