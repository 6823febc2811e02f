import { h } from './dom.js'
import { isOpen } from './model.js'
import type { State } from './state.js'
import { summaryOf } from './words.js'

/** More than that at once are not read out one by one. */
const most = 2
/** Milliseconds: what ends together is said together. */
const pause = 800

/** Says to a screen reader what has come of the last requests. */
export function announcer(state: State): { readonly element: HTMLElement; update(): void } {
  const element = h('p', { class: 'visually-hidden', role: 'status' })
  const known = new Set(state.live.model.strips.filter((strip) => !isOpen(strip)).map(({ requestId }) => requestId))
  let timer: ReturnType<typeof setTimeout> | undefined
  const say = (): void => {
    timer = undefined
    const ended = state.live.model.strips.filter((strip) => !isOpen(strip) && !known.has(strip.requestId))
    for (const { requestId } of ended) known.add(requestId)
    const first = ended.slice(0, most).map((strip) => summaryOf(strip, state.texts))
    element.textContent = ended.length > most ? `${first.join('. ')} … (${ended.length})` : first.join('. ')
  }
  return {
    element,
    update() {
      if (state.live.model.strips.some((strip) => !isOpen(strip) && !known.has(strip.requestId))) {
        timer ??= setTimeout(say, pause)
      }
    },
  }
}
