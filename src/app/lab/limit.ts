import type { Lab } from './open-lab.js'

/** What a run has counted or timed. */
export interface Numbers {
  readonly [name: string]: number | Numbers
}

/** One limit of running a task apart from its request, shown by a small program. */
export interface Limit<N extends object = Numbers> {
  /** What it is called on the command line. */
  readonly name: string
  /** The limit, in one sentence. */
  readonly title: string
  /** The rung that answers it: 1 is the task after the commit, in memory; 2 is the outbox. */
  readonly rung: 1 | 2
  /** Makes it happen, with and without the answer, and counts. */
  run(lab: Lab): Promise<N>
  /** The numbers in words: what happens where nothing is done about it, and with the answer. */
  tell(numbers: N): { readonly happens: string; readonly answer: string }
}

/** What one limit has shown. */
export interface Shown extends Pick<Limit, 'name' | 'title' | 'rung'> {
  readonly happens: string
  readonly answer: string
  readonly numbers: Numbers
  readonly seconds: number
}

/** Only for the types: `tell` is given what `run` has returned. */
export const defineLimit = <N extends { readonly [K in keyof N]: number | Numbers }>(limit: Limit<N>): Limit<N> => limit

/** Runs one limit in a lab. What it has opened stays open until the lab's cleanup has run. */
export async function show(limit: Limit, lab: Lab): Promise<Shown> {
  const started = performance.now()
  const numbers = await limit.run(lab)
  const { name, title, rung } = limit
  return { name, title, rung, ...limit.tell(numbers), numbers, seconds: rounded((performance.now() - started) / 1000) }
}

const rounded = (seconds: number): number => Math.round(seconds * 10) / 10
