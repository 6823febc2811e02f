// One strip as a picture: a lane for the request, one for each task. Only shapes; what they mean is said in words beside them.
import { s, set } from './dom.js'
import type { Bar, Lane, Strip } from './model.js'
import { taskName } from './words.js'
import type { Texts } from './texts/texts.js'

export interface Drawing {
  readonly svg: SVGSVGElement
  /** @param x From milliseconds of the common clock to pixels. */
  draw(strip: Strip, texts: Texts, frame: Frame): void
}

export interface Frame {
  readonly x: (at: number) => number
  readonly now: number
  readonly width: number
  readonly compact: boolean
}

/** A lane and the bar in it. */
const sizes = { normal: { lane: 20, bar: 12 }, compact: { lane: 11, bar: 8 } } as const

export function newDrawing(): Drawing {
  const svg = s('svg', { class: 'drawing', 'aria-hidden': 'true' })
  const shapes = new Shapes(svg)
  return {
    svg,
    draw(strip, texts, frame) {
      const { lane: height, bar } = frame.compact ? sizes.compact : sizes.normal
      const total = height * (1 + Math.max(1, strip.lanes.length)) + (frame.compact ? 0 : 6)
      set(svg, { width: Math.max(0, frame.width), height: total })
      shapes.begin()
      drawRequest(shapes, strip, frame, height / 2, bar)
      strip.lanes.forEach((lane, index) => {
        drawLane(shapes, strip, lane, texts, frame, { middle: height * (index + 1.5), bar })
      })
      shapes.end()
    },
  }
}

function drawRequest(shapes: Shapes, strip: Strip, { x, now, compact }: Frame, middle: number, bar: number): void {
  const { answer, transaction, cutAt } = strip
  const y = middle - bar / 2
  const end = answer?.at ?? cutAt ?? now
  shapes.bar('request', x(strip.at), x(end), y, bar)
  if (transaction) {
    const ended = transaction.ended ?? cutAt ?? (answer ? answer.at : now)
    const name = transaction.outcome === 'rolled-back' ? 'transaction rolled-back' : 'transaction'
    const inner = Math.max(3, bar - 4)
    shapes.bar(name, x(transaction.begun), x(transaction.committing ?? ended), middle - inner / 2, inner)
    if (transaction.committing !== undefined) shapes.bar('commit', x(transaction.committing), x(ended), y, bar)
    if (transaction.outcome === 'rolled-back') shapes.cross('rollback', x(ended), middle, bar / 2.4)
  }
  if (answer) shapes.flag(x(answer.at), middle, bar, answer.status, compact)
  else if (cutAt !== undefined) shapes.cross('kill', x(cutAt), middle, bar / 1.8)
}

function drawLane(
  shapes: Shapes,
  strip: Strip,
  lane: Lane,
  texts: Texts,
  { x, now, width, compact }: Frame,
  { middle, bar }: { readonly middle: number; readonly bar: number },
): void {
  const y = middle - bar / 2
  for (const each of lane.bars) {
    const [from, to] = [x(each.from), x(each.to ?? now)]
    if (each.kind === 'waiting' || each.kind === 'stored') shapes.bar(each.kind, from, to, middle - 2, 4)
    else if (each.kind === 'backoff') shapes.bar('backoff', from, to, y, bar)
    else shapes.bar(attemptClass(each), from, to, y, bar)
    if (each.kind === 'attempt' && lane.durable && to - from > 12)
      shapes.text('letter', (from + to) / 2, middle, each.process, compact)
    if (each.ended === 'cut') shapes.cross('kill', to, middle, bar / 1.8)
  }
  const first = lane.bars[0]
  const at = lane.endedAt
  const start = first ? x(first.from) : x(at ?? strip.at)
  const end = at === undefined ? x(now) : x(at)
  if (lane.state === 'cut' && strip.lost) shapes.line('lost', end + bar / 2 + 2, width - 4, middle)
  const name = taskName(lane.name, texts)
  if (lane.state === 'discarded') shapes.cross('rollback', start, middle, bar / 2.4)
  if (compact) return
  const label = labelOf(lane, strip, texts)
  const text = label === '' ? name : `${name} ${label}`
  // At the end of the lane; before its beginning where there is no room.
  const room = width - end - 12
  if (room > text.length * 7 || start < 90)
    shapes.label(end + 10, middle, text, stateClass(lane, strip), 'start', width)
  else shapes.label(start - 8, middle, text, stateClass(lane, strip), 'end', width)
}

const attemptClass = ({ ended, process }: Bar): string =>
  `attempt ${ended ?? 'running'} ${process === 'B' ? 'of-b' : 'of-a'}`

function labelOf(lane: Lane, strip: Strip, texts: Texts): string {
  const { state, attempts } = lane
  if (strip.forNothing && state === 'succeeded') return `✓ – ${texts.timeline.forNothing}`
  if (state === 'succeeded') return attempts > 1 ? `✓ ${attempts}×` : '✓'
  if (state === 'failed') return `✕ ${attempts}×`
  if (state === 'cut') return strip.lost ? `– ${texts.timeline.lost}` : '✕'
  if (state === 'discarded') return `– ${texts.states['discarded'] ?? ''}`
  if (state === 'rejected') return `– ${texts.states['rejected'] ?? ''}`
  return ''
}

function stateClass({ state }: Lane, { lost, forNothing }: Strip): string {
  if (state === 'succeeded') return forNothing ? 'bad' : 'good'
  if (state === 'cut' && !lost) return 'plain'
  return ['failed', 'cut', 'rejected', 'dropped', 'interrupted', 'unknown'].includes(state) ? 'bad' : 'plain'
}

/** Draws again and again with the same elements. */
class Shapes {
  readonly #svg: SVGSVGElement
  #used = 0

  constructor(svg: SVGSVGElement) {
    this.#svg = svg
  }

  begin(): void {
    this.#used = 0
  }

  end(): void {
    while (this.#svg.childNodes.length > this.#used) this.#svg.lastChild?.remove()
  }

  bar(name: string, from: number, to: number, y: number, height: number): void {
    const width = Math.max(2, to - from)
    set(this.#next('rect'), {
      class: name,
      x: from.toFixed(1),
      y: y.toFixed(1),
      width: width.toFixed(1),
      height,
      rx: Math.min(3, height / 2),
    })
  }

  line(name: string, from: number, to: number, y: number): void {
    if (to > from) set(this.#next('path'), { class: name, d: `M${from.toFixed(1)} ${y}H${to.toFixed(1)}` })
  }

  cross(name: string, x: number, y: number, size: number): void {
    const d = `M${x - size} ${y - size}L${x + size} ${y + size}M${x - size} ${y + size}L${x + size} ${y - size}`
    set(this.#next('path'), { class: `cross ${name}`, d })
  }

  /** The answer: a staff and a flag with its status. */
  flag(x: number, y: number, size: number, status: number, compact: boolean): void {
    const name = status < 400 ? 'flag good' : 'flag bad'
    const half = size / 2 + 2
    set(this.#next('path'), {
      class: name,
      d: `M${x} ${y - half}V${y + half}M${x} ${y - half}l${size * 0.7} ${size * 0.32}l${-size * 0.7} ${size * 0.32}z`,
    })
    if (!compact) this.label(x + size * 0.7 + 5, y, String(status), status < 400 ? 'good' : 'bad', 'start', Infinity)
  }

  text(name: string, x: number, y: number, text: string, compact: boolean): void {
    const element = this.#next('text')
    set(element, {
      class: compact ? `${name} small` : name,
      x: x.toFixed(1),
      y: y + (compact ? 2.5 : 3.5),
      'text-anchor': 'middle',
    })
    element.textContent = text
  }

  label(x: number, y: number, text: string, name: string, anchor: 'start' | 'end', most: number): void {
    const element = this.#next('text')
    set(element, { class: `label ${name}`, x: Math.min(x, most).toFixed(1), y: y + 4, 'text-anchor': anchor })
    element.textContent = text
  }

  #next<K extends 'rect' | 'path' | 'text'>(tag: K): SVGElementTagNameMap[K] {
    const known = this.#svg.childNodes[this.#used]
    this.#used++
    if (known instanceof SVGElement && known.tagName === tag) return known as SVGElementTagNameMap[K]
    const fresh = s(tag)
    // Nothing of another shape must stay on it.
    if (known) known.replaceWith(fresh)
    else this.#svg.append(fresh)
    return fresh
  }
}
