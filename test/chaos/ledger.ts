// What every process of a round has done, one line each. A line is in the file when the call returns, and O_APPEND puts it behind
// all others: a SIGKILL loses none, and their order in the file is the order in which they happened.
import { fstatSync, openSync, readSync, writeSync } from 'node:fs'

/** A handler of a message. */
interface OfHandler {
  readonly message: string
  readonly messageId: string
  readonly attempt: number
}

/** What an entry says besides its process and its time. */
export type Event =
  | (OfHandler & { readonly what: 'started' })
  /** Resolved; `effect`: whether it was this one that had the effect. */
  | (OfHandler & { readonly what: 'ended'; readonly effect: boolean })
  | (OfHandler & { readonly what: 'failed'; readonly error: string })
  /** The relay knows that its completion is in the table. */
  | { readonly what: 'written'; readonly messageId: string }
  /** About to be killed or stopped by somebody, or to lose its connections; afterwards `killed`. */
  | { readonly what: 'kill' | 'killed' | 'stop' | 'continue' | 'cut' }
  /** For so long the process got nothing done, by its own measurement: the machine was busy. */
  | { readonly what: 'stood still'; readonly milliseconds: number }
  | { readonly what: 'begun'; readonly transaction: number }
  | { readonly what: 'refused'; readonly error: string }

export type Entry = Event & {
  readonly pid: number
  /** Milliseconds of the machine's monotonic clock, which all processes share and nobody sets. */
  readonly at: number
}

export interface Ledger {
  readonly file: string
  /** @param pid Whom it is about. @default this process */
  write(event: Event, pid?: number): void
  /** All that is in it by now. */
  read(): readonly Entry[]
}

export function openLedger(file: string): Ledger {
  const descriptor = openSync(file, 'a+')
  const entries: Entry[] = []
  let read = 0
  return {
    file,
    write(event, pid = process.pid) {
      const entry = { ...event, pid, at: Number(process.hrtime.bigint() / 1_000n) / 1_000 }
      writeSync(descriptor, `${JSON.stringify(entry)}\n`)
    },
    read() {
      const news = Buffer.alloc(fstatSync(descriptor).size - read)
      readSync(descriptor, news, 0, news.length, read)
      const whole = news.subarray(0, news.lastIndexOf('\n') + 1)
      read += whole.length
      for (const line of whole.toString().split('\n')) if (line !== '') entries.push(JSON.parse(line) as Entry)
      return entries
    },
  }
}

/** What may cost a process its leases. */
export const isDisturbance = ({ what }: Entry): boolean =>
  what === 'kill' || what === 'killed' || what === 'stop' || what === 'cut'

/** Whether a process says that it got nothing done for more than `milliseconds`, at some time between two entries. */
export function stoodStill(
  ledger: readonly Entry[],
  pid: number,
  from: Entry,
  to: Entry,
  milliseconds: number,
): boolean {
  return ledger.some(
    (each) =>
      each.what === 'stood still' &&
      each.pid === pid &&
      each.milliseconds > milliseconds &&
      each.at > from.at &&
      each.at - each.milliseconds < to.at,
  )
}
