// Events in words: for the head of a strip, for its list of events, and for who listens instead of looking.
import type { Happening } from '../events.js'
import type { Lane, Strip } from './model.js'
import type { Texts } from './texts/texts.js'
import { useCaseOf } from './use-cases.js'

export const titleOf = (strip: Strip, texts: Texts): string => texts.useCases[useCaseOf(strip.path)]

export function time(milliseconds: number): string {
  if (milliseconds < 10) return `${milliseconds.toFixed(1)} ms`
  return milliseconds < 1_000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1_000).toFixed(2)} s`
}

export const taskName = (name: string, texts: Texts): string => texts.tasks[name] ?? name

export function answerOf(strip: Strip, texts: Texts): string {
  if (strip.answer) return texts.summary.answered(strip.answer.status, time(strip.answer.at - strip.at))
  return strip.cutAt === undefined ? texts.summary.waitingForAnswer : texts.summary.died
}

export function stateOf(lane: Lane, strip: Strip, texts: Texts): string {
  if (lane.state === 'cut' && strip.lost) return texts.timeline.lost
  return texts.states[lane.state] ?? lane.state
}

/** All of a strip in one sentence. */
export function summaryOf(strip: Strip, texts: Texts): string {
  const lanes = strip.lanes.map((lane) =>
    texts.summary.task(taskName(lane.name, texts), stateOf(lane, strip, texts), lane.attempts),
  )
  const more = strip.forNothing ? [texts.timeline.forNothing] : []
  return [titleOf(strip, texts), texts.books.columns[strip.rung], answerOf(strip, texts), ...lanes, ...more].join(' · ')
}

export function happeningText(happening: Happening, texts: Texts): string {
  const { steps } = texts
  switch (happening.kind) {
    case 'asked':
      return steps.asked
    case 'unanswered':
      return steps.unanswered(happening.status)
    case 'request':
      return happening.step === 'answered' ? steps.answered(happening.status ?? 0) : steps[happening.step]
    case 'transaction':
      return {
        begun: steps.transactionBegun,
        committing: steps.committing,
        committed: steps.committed,
        'rolled-back': steps.rolledBack,
      }[happening.step]
    case 'task': {
      const state = texts.states[happening.step] ?? happening.step
      const text = steps.task(taskName(happening.name, texts), state, happening.attempt)
      return happening.error === undefined ? text : `${text} – ${happening.error}`
    }
    default:
      return happening.kind
  }
}
