// What the page asks of its server.
import type { Goods, PartnerKnobs, PartnerOfShop, ProcessName, Rung } from '../events.js'
import { type Live } from './live.js'
import { type UseCase, requestFor } from './use-cases.js'

const json = { 'content-type': 'application/json' }

export class Api {
  readonly #live: Live
  readonly #sent = new Map<string, number>()

  constructor(live: Live) {
    this.#live = live
  }

  /** Sends what a button stands for; the answer is seen on the timeline, so only its status comes back. 0: there was none. */
  async send(useCase: UseCase, rung: Rung): Promise<number> {
    const { path, body } = requestFor(useCase, this.#goods, this.#count(useCase, rung))
    return await this.#ask('POST', `/shop/${rung}${path}`, body)
  }

  /** That many at once. */
  async burst(count: number, rung: Rung): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.send('login', rung)))
  }

  async retryFailures(rung: Rung): Promise<void> {
    await this.#ask('POST', `/shop/${rung}/failures/retries`)
  }

  async partner(name: PartnerOfShop, knobs: Partial<PartnerKnobs>): Promise<void> {
    await this.#ask('PUT', `/page/partners/${name}`, knobs)
  }

  /** Resolves when the process is ready. */
  async process(rung: Rung, name: ProcessName, action: 'start' | 'kill'): Promise<void> {
    await this.#ask('POST', `/page/rungs/${rung}/processes/${name}/${action}`)
  }

  get #goods(): Goods {
    const goods = this.#live.hello?.goods
    if (!goods) throw new Error('Not connected')
    return goods
  }

  /** How many of a kind there were, by this page or by another one: of the timeline, and of those still on their way. */
  #count(useCase: UseCase, rung: Rung): number {
    const path = requestFor(useCase, this.#goods, 0).path.split('/')[1] ?? ''
    const seen = this.#live.model.strips.filter(
      (strip) => strip.rung === rung && strip.path.startsWith(`/${path}`),
    ).length
    const key = `${useCase} ${rung}`
    const count = Math.max(seen, this.#sent.get(key) ?? 0)
    this.#sent.set(key, count + 1)
    return count
  }

  async #ask(method: string, path: string, body?: object): Promise<number> {
    try {
      const response = await fetch(path, {
        method,
        ...(body && { headers: json, body: JSON.stringify(body) }),
      })
      await response.text()
      return response.status
    } catch {
      return 0 // the connection says so, too
    }
  }
}
