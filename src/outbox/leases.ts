import type { Delivery } from './delivery.js'
import { claimOf, type Source } from './source.js'

export interface LeasesSettings {
  readonly source: Source
  /** Milliseconds. */
  readonly lease: number
  /** Somebody else has claimed it since. */
  readonly onLost: (delivery: Delivery) => void
  readonly onError: (error: unknown) => void
}

/** The messages in the hands of this process: nobody else claims them as long as their leases are renewed. */
export class Leases {
  readonly held = new Set<Delivery>()
  readonly #settings: LeasesSettings
  #renewing: Promise<void> | undefined

  constructor(settings: LeasesSettings) {
    this.#settings = settings
  }

  /** Gives a new lease to those that have had theirs for a while. */
  renew(): Promise<void> {
    return (this.#renewing ??= this.#renew().finally(() => (this.#renewing = undefined)))
  }

  async #renew(): Promise<void> {
    const at = performance.now()
    const { source, lease, onLost, onError } = this.#settings
    const old = [...this.held].filter(({ leasedUntil }) => leasedUntil - at < (lease * 3) / 4)
    if (old.length === 0) return
    try {
      const renewed = await source.renew(old.map(({ held }) => held))
      for (const delivery of old) {
        if (renewed.has(claimOf(delivery.held))) delivery.leasedUntil = at + lease
        // What has ended meanwhile may be written already, and its row gone.
        else if (delivery.state === 'claimed' || delivery.state === 'running') onLost(delivery)
      }
    } catch (error) {
      onError(error)
    }
  }
}
