// What the processes of a round do, made from a seed: transaction number 17 of a seed is the same each time.

/** The payload of a message, which says how its handler behaves. */
export interface Work {
  /** Unique in a round: `t17.2`. */
  readonly name: string
  readonly task: 'keyed' | 'loose' | 'extra'
  /** Empty for a task without keys. */
  readonly key: string
  /** Milliseconds that its handler takes. */
  readonly takes: number
  /** Attempts that fail before one succeeds. */
  readonly fails: number
  /** Its handler kills its process: before its effect, at every attempt, or once, after it. */
  readonly kills?: 'before' | 'after'
}

export interface Transaction {
  readonly name: string
  readonly work: readonly Work[]
  /** Registered in a savepoint that rolls back: none of it may be delivered. */
  readonly dropped: readonly Work[]
  readonly rollsBack: boolean
}

/** Numbers from 0 up to 1, the same for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    // A Weyl sequence whose bits are mixed by two multiplications.
    state = (state + 0x9e3779b9) >>> 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
  }
}

export function workOf(name: string, more: Partial<Work> = {}): Work {
  return { name, task: more.key ? 'keyed' : 'loose', key: '', takes: 0, fails: 0, ...more }
}

export function transactionOf(name: string, work: readonly Work[]): Transaction {
  return { name, work, dropped: [], rollsBack: false }
}

const keys = ['a', 'b', 'c', 'd', 'e', 'f']

/** One to four messages, some with keys, some that fail at first; one in ten rolls back, one in ten drops a savepoint. */
export function randomTransaction(seed: number, number: number, tasks: readonly Work['task'][] = []): Transaction {
  const random = randomFrom(seed + number * 7_919)
  const below = (limit: number): number => Math.floor(random() * limit)
  const name = `t${number}`
  const make = (_: unknown, index: number): Work => {
    const task = tasks[below(tasks.length + 4)] ?? (random() < 0.7 ? 'keyed' : 'loose')
    const key = task === 'keyed' ? (keys[below(keys.length)] ?? '') : ''
    return workOf(`${name}.${index}`, { task, key, takes: below(25), fails: random() < 0.05 ? 1 : 0 })
  }
  const all = Array.from({ length: 1 + below(4) }, make)
  const kept = random() < 0.1 ? all.length - 1 : all.length
  return { name, work: all.slice(0, kept), dropped: all.slice(kept), rollsBack: random() < 0.1 }
}
