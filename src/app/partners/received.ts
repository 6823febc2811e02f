import { isDeepStrictEqual } from 'node:util'

/** One thing that a partner was asked to do, and did once. */
export interface Received {
  /** The idempotency key: the id of the task that called. */
  readonly key: string
  readonly body: unknown
  /** When it came first, as an ISO date. */
  readonly at: string
  /** How often it came. Only the first time had an effect. */
  readonly times: number
}

/** What one partner has received, in the order in which it came first. */
export function createInbox() {
  const entries = new Map<string, { body: unknown; at: string; times: number }>()
  return {
    /** Does what is asked if the key is new. `repeated` is also a success: the effect is there. */
    receive(key: string, body: unknown): 'done' | 'repeated' | 'conflict' {
      const known = entries.get(key)
      if (known === undefined) {
        entries.set(key, { body, at: new Date().toISOString(), times: 1 })
        return 'done'
      }
      if (!isDeepStrictEqual(known.body, body)) return 'conflict'
      known.times += 1
      return 'repeated'
    },
    list: (): Received[] => Array.from(entries, ([key, entry]) => ({ key, ...entry })),
    clear: (): void => entries.clear(),
  }
}
