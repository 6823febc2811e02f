import type { PartnerOfShop, ProcessState, Rung } from '../../events.js'
import type { Books } from '../../events.js'
import type { UseCase } from '../use-cases.js'

export type Count = Exclude<keyof Books, 'lostRequests' | 'forNothingRequests'>

export interface Chapter {
  readonly title: string
  readonly text: string
  readonly do: string
  readonly look: string
}

/** Everything that the page says. What one language has, the other must have. */
export interface Texts {
  readonly title: string
  readonly tagline: string
  readonly languageName: string
  readonly language: string
  readonly skip: string
  readonly rungs: Readonly<Record<Rung, string>>
  readonly rungHints: Readonly<Record<Rung, string>>
  readonly whereCalled: string
  readonly useCases: Readonly<Record<UseCase | 'burst' | 'retry' | 'other', string>>
  readonly actions: string
  readonly tasks: Readonly<Record<string, string>>
  readonly connection: Readonly<Record<'connecting' | 'live' | 'gone' | 'back' | 'fresh', string>>
  readonly timeline: Readonly<
    Record<
      'title' | 'align' | 'click' | 'clock' | 'clear' | 'empty' | 'requestLane' | 'details' | 'lost' | 'forNothing',
      string
    >
  > & {
    more(hidden: number): string
    killed(process: string): string
    up(process: string): string
  }
  readonly legend: Readonly<
    Record<
      | 'title'
      | 'request'
      | 'transaction'
      | 'commit'
      | 'answer'
      | 'waiting'
      | 'attempt'
      | 'failed'
      | 'backoff'
      | 'stored'
      | 'cut',
      string
    >
  >
  readonly states: Readonly<Record<string, string>>
  readonly steps: Readonly<
    Record<'asked' | 'begun' | 'cut' | 'transactionBegun' | 'committing' | 'committed' | 'rolledBack', string>
  > & {
    answered(status: number): string
    unanswered(status: number): string
    task(name: string, state: string, attempt: number): string
  }
  readonly summary: Readonly<Record<'waitingForAnswer' | 'died', string>> & {
    answered(status: number, time: string): string
    task(name: string, state: string, attempts: number): string
  }
  readonly process: Readonly<Record<'title' | 'second', string>> & {
    readonly states: Readonly<Record<ProcessState, string>>
    name(name: string): string
    pid(pid: number): string
    kill(name: string): string
    killHint(name: string): string
  }
  readonly partners: Readonly<Record<'title' | 'latency' | 'failureRate' | 'down' | 'reset', string>> & {
    readonly names: Readonly<Record<PartnerOfShop, string>>
    milliseconds(value: number): string
    percent(value: number): string
  }
  readonly books: Readonly<Record<'title' | 'hint', string>> & {
    readonly rows: Readonly<Record<Count, string>>
    readonly columns: Readonly<Record<Rung, string>>
  }
  readonly guide: Readonly<
    Record<'title' | 'look' | 'next' | 'previous' | 'running' | 'done' | 'dashboard', string>
  > & {
    step(number: number, title: string): string
    of(number: number, count: number): string
    failed(reason: string): string
  }
  readonly chapters: readonly Chapter[]
}
