import type { Logger } from '../core/options.js'

/** What the relay needs of a `Client` of `pg`, by shape. */
export interface PgListener {
  connect(): Promise<unknown>
  query(sql: string): Promise<unknown>
  on(event: string, listener: (...args: unknown[]) => void): unknown
  end(): Promise<unknown>
}

export interface ListenerSettings {
  /** A new client each time: one that has lost its connection cannot be used again. */
  readonly client: () => PgListener
  readonly channel: string
  readonly logger: Logger
  /** There may be messages. */
  readonly onNotification: () => void
}

/** Milliseconds between two tries to connect. */
const pauses = { first: 100, longest: 10_000 }

/**
 * A connection that listens. While there is none the relay polls, as it does anyway:
 *
 *   connecting ──▶ listening ──connection lost──▶ waiting ──▶ connecting
 *       └────────────── refused ───────────────────▲
 */
export class Listener {
  readonly #settings: ListenerSettings
  #client: PgListener | undefined
  #timer: NodeJS.Timeout | undefined
  #pause = pauses.first
  #stopped = false

  constructor(settings: ListenerSettings) {
    this.#settings = settings
    void this.#connect()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#client?.end().catch(() => undefined)
  }

  async #connect(): Promise<void> {
    const { client: make, channel, onNotification } = this.#settings
    let client: PgListener | undefined
    try {
      client = make()
      const own = client
      this.#client = own
      own.on('notification', onNotification)
      own.on('error', (error: unknown) => this.#lose(own, error))
      own.on('end', () => this.#lose(own, new Error('The connection has ended')))
      await own.connect()
      await own.query(`LISTEN "${channel}"`)
      if (this.#stopped) return await this.stop()
      this.#pause = pauses.first
      onNotification() // of what was committed while nobody listened, no notification comes
    } catch (error) {
      this.#lose(client, error)
    }
  }

  #lose(client: PgListener | undefined, error: unknown): void {
    if (client !== this.#client || this.#stopped) return
    this.#client = undefined
    client?.end().catch(() => undefined)
    this.#settings.logger.warn({ err: error }, 'the relay does not hear of commits, and polls: it will listen again')
    this.#timer = setTimeout(() => void this.#connect(), this.#pause)
    this.#pause = Math.min(this.#pause * 2, pauses.longest)
  }
}
