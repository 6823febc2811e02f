import { h, s } from './dom.js'
import type { Texts } from './texts/texts.js'

/** One of each shape, with its name. */
export function legend(texts: Texts): HTMLElement {
  const words = { ...texts.legend, lost: texts.timeline.lost }
  const entries: readonly [keyof Omit<typeof words, 'title'>, SVGElement][] = [
    ['request', bar('request')],
    ['transaction', bar('transaction', 4, 6)],
    ['commit', bar('commit')],
    ['answer', s('path', { class: 'flag good', d: 'M7 0V14M7 0l9 4l-9 4z' })],
    ['waiting', bar('waiting', 5, 4)],
    ['stored', bar('stored', 5, 4)],
    ['attempt', bar('attempt succeeded of-a')],
    ['failed', bar('attempt failed of-a')],
    ['backoff', bar('backoff')],
    ['cut', s('path', { class: 'cross kill', d: 'M6 2L16 12M6 12L16 2' })],
    ['lost', s('path', { class: 'lost', d: 'M1 7H21' })],
  ]
  return h(
    'ul',
    { class: 'legend', 'aria-label': words.title },
    ...entries.map(([name, shape]) =>
      h('li', {}, s('svg', { width: 22, height: 14, 'aria-hidden': 'true' }, shape), words[name]),
    ),
  )
}

const bar = (name: string, y = 2, height = 10): SVGRectElement =>
  s('rect', { class: name, x: 1, y, width: 20, height, rx: 3 })
