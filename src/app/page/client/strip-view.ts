import { newDrawing } from './drawing.js'
import { h, say, set } from './dom.js'
import { type Strip, isOpen } from './model.js'
import type { Scale } from './scale.js'
import type { State } from './state.js'
import { answerOf, happeningText, summaryOf, time, titleOf } from './words.js'

export interface StripFrame {
  readonly scale: Scale
  readonly now: number
  readonly width: number
  readonly compact: boolean
}

/** One request on the timeline: what it was, its picture, and on demand the list of its events. */
export class StripView {
  readonly element: HTMLElement
  /** Where the picture is. */
  readonly place: HTMLElement
  readonly #drawing = newDrawing()
  readonly #head: HTMLButtonElement
  readonly #title = h('span', { class: 'strip-title' })
  readonly #rung = h('span', { class: 'strip-rung' })
  readonly #answer = h('span', { class: 'strip-answer' })
  readonly #rest = h('span', { class: 'visually-hidden' })
  readonly #events = h('ol', { class: 'events' })
  #drawn = ''

  constructor(requestId: string, state: State) {
    const toggle = (): void => {
      if (!state.expanded.delete(requestId)) state.expanded.add(requestId)
      state.live.changed()
    }
    this.#head = h(
      'button',
      { type: 'button', class: 'strip-head', onclick: toggle },
      this.#title,
      ' ',
      this.#rung,
      ' ',
      this.#answer,
      this.#rest,
    )
    this.place = h('div', { class: 'strip-picture' }, this.#drawing.svg)
    this.element = h('li', { class: 'strip' }, h('div', { class: 'strip-row' }, this.#head, this.place), this.#events)
  }

  draw(strip: Strip, state: State, { scale, now, width, compact }: StripFrame): void {
    const expanded = state.expanded.has(strip.requestId)
    const offset = scale.offset(strip)
    const facts = [
      scale.span,
      offset,
      width,
      compact,
      strip.happenings.length,
      strip.lost,
      strip.forNothing,
      strip.cutAt,
      expanded,
    ]
    const drawn = facts.join()
    if (drawn === this.#drawn && !isOpen(strip)) return
    const x = (at: number): number => ((at - strip.at + offset) / scale.span) * width
    this.#drawing.draw(strip, state.texts, { x, now, width, compact })
    if (drawn !== this.#drawn) this.#write(strip, state, expanded)
    this.#drawn = drawn
  }

  #write(strip: Strip, state: State, expanded: boolean): void {
    const { texts } = state
    say(this.#title, titleOf(strip, texts))
    say(this.#rung, texts.books.columns[strip.rung])
    set(this.#rung, { class: `strip-rung of-${strip.rung}` })
    say(this.#answer, answerOf(strip, texts))
    const words = [titleOf(strip, texts), texts.books.columns[strip.rung], answerOf(strip, texts)].join(' · ')
    say(this.#rest, summaryOf(strip, texts).slice(words.length))
    set(this.#head, { 'aria-expanded': String(expanded) })
    set(this.element, { 'data-rung': strip.rung, 'data-lost': String(strip.lost), 'data-open': String(isOpen(strip)) })
    set(this.#events, { hidden: !expanded })
    const listed = expanded ? strip.happenings.toSorted((a, b) => a.at - b.at) : []
    this.#events.replaceChildren(
      ...listed.map((happening) =>
        h(
          'li',
          {},
          h('span', { class: 'event-time' }, `+ ${time(happening.at - strip.at)}`),
          ' ',
          h('span', {}, happeningText(happening, texts)),
          ' ',
          'process' in happening && h('span', { class: 'event-process' }, happening.process),
        ),
      ),
    )
  }
}
