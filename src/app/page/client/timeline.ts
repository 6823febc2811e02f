// The picture: strips, the axis above them, and the lines that go through all of them.
import type { View } from './controls.js'
import { h, s, say, set } from './dom.js'
import { legend } from './legend.js'
import { type Strip, isOpen } from './model.js'
import { type Alignment, type Scale, scaleOf, ticksOf } from './scale.js'
import type { State } from './state.js'
import { StripView } from './strip-view.js'

/** Strips that are drawn. */
const shown = 40
/** From that many on they are drawn small. */
const many = 9

export function timeline(state: State): View {
  const { live } = state
  const { timeline: words } = state.texts
  const views = new Map<string, StripView>()
  const list = h('ol', { class: 'strip-list' })
  const axis = s('svg', { class: 'axis', 'aria-hidden': 'true', height: 22 })
  const lines = s('svg', { class: 'lines', 'aria-hidden': 'true' })
  const empty = h('p', { class: 'empty' }, words.empty)
  const more = h('p', { class: 'more' })
  const scroller = h(
    'div',
    { class: 'strips', tabindex: 0, role: 'group', 'aria-label': words.title },
    lines,
    list,
    empty,
    more,
  )
  const clear = h(
    'button',
    { type: 'button', class: 'quiet', onclick: () => state.choose({ clearedAt: live.now }) },
    words.clear,
  )
  const choice = alignments(state)
  const element = h(
    'section',
    { class: 'timeline panel', id: 'timeline', tabindex: -1, 'aria-labelledby': 'timeline-title' },
    h('div', { class: 'timeline-head' }, h('h2', { id: 'timeline-title' }, words.title), choice.element, clear),
    h('div', { class: 'axis-row' }, axis),
    scroller,
    legend(state.texts),
  )

  let asked = false
  const ask = (): void => {
    if (asked) return
    asked = true
    requestAnimationFrame(() => {
      asked = false
      if (element.isConnected) draw()
    })
  }

  function draw(): void {
    const now = live.now
    const all = live.model.strips.filter((strip) => strip.at > state.clearedAt)
    const scale = scaleOf(all, state.alignment, now)
    const strips = choose(all, scale)
    const compact = strips.length > many
    show(strips)
    set(empty, { hidden: all.length > 0 })
    const hidden = all.length - strips.length
    set(more, { hidden: hidden === 0 })
    say(more, words.more(hidden))
    element.classList.toggle('compact', compact)
    const drawing = views.values().next().value?.place
    const width = drawing?.clientWidth ?? 0
    const left = drawing ? drawing.offsetLeft : 0
    for (const strip of strips) views.get(strip.requestId)?.draw(strip, state, { scale, now, width, compact })
    drawAxis({ axis, lines, scale, left, width, height: list.offsetHeight, state })
    if (all.some(isOpen)) ask()
  }

  function choose(all: readonly Strip[], scale: Scale): readonly Strip[] {
    if (state.alignment === 'click') return all.slice(-shown).toReversed()
    return all.filter(({ at }) => scale.place(at) !== undefined).slice(-shown)
  }

  /** The same element for the same strip, so that the focus stays where it is. */
  function show(strips: readonly Strip[]): void {
    const wanted = new Set(strips.map(({ requestId }) => requestId))
    for (const [id, view] of views) {
      if (wanted.has(id)) continue
      view.element.remove()
      views.delete(id)
    }
    strips.forEach(({ requestId }, index) => {
      let view = views.get(requestId)
      if (!view) views.set(requestId, (view = new StripView(requestId, state)))
      if (list.children[index] !== view.element) list.insertBefore(view.element, list.children[index] ?? null)
    })
  }

  new ResizeObserver(ask).observe(scroller)
  return {
    element,
    update() {
      choice.update()
      ask()
    },
  }
}

function alignments(state: State): View {
  const { timeline: words } = state.texts
  const radio = (value: Alignment): HTMLInputElement =>
    h('input', { type: 'radio', name: 'alignment', value, onchange: () => state.choose({ alignment: value }) })
  const click = radio('click')
  const clock = radio('clock')
  return {
    element: h(
      'fieldset',
      { class: 'segmented small' },
      h('legend', {}, words.align),
      h('label', {}, click, h('span', {}, words.click)),
      h('label', {}, clock, h('span', {}, words.clock)),
    ),
    update() {
      click.checked = state.alignment === 'click'
      clock.checked = state.alignment === 'clock'
    },
  }
}

interface AxisSettings {
  readonly axis: SVGSVGElement
  readonly lines: SVGSVGElement
  readonly scale: Scale
  readonly left: number
  readonly width: number
  readonly height: number
  readonly state: State
}

function drawAxis({ axis, lines, scale, left, width, height, state }: AxisSettings): void {
  const x = (milliseconds: number): number => left + (milliseconds / scale.span) * width
  set(axis, { width: left + width })
  set(lines, { width: left + width, height })
  if (width === 0) return axis.replaceChildren()
  const ticks = ticksOf(scale.span)
  const words = state.texts.timeline
  const marks = state.live.model.processes.flatMap(({ state: is, at, process }) => {
    const place = scale.place(at)
    if (place === undefined || (is !== 'killed' && is !== 'up') || place > scale.span) return []
    return [{ place, is, text: is === 'killed' ? words.killed(process) : words.up(process) }]
  })
  // A word takes the place of the numbers beside it, and of the words that follow too closely.
  const named = marks.filter(({ place }, index) => index === 0 || x(place) - x(marks[index - 1]?.place ?? 0) > 62)
  const free = ticks.filter((tick) => named.every(({ place }) => Math.abs(x(place) - x(tick)) > 52))
  axis.replaceChildren(
    ...free.map((tick) => s('text', { x: x(tick), y: 15, 'text-anchor': anchorOf(tick, scale) }, tickText(tick))),
    ...named.map(({ place, is, text }) =>
      s('text', { class: `mark ${is}`, x: x(place), y: 15, 'text-anchor': 'middle' }, text),
    ),
  )
  lines.replaceChildren(
    ...ticks.map((tick) => s('path', { class: 'grid', d: `M${x(tick)} 0V${height}` })),
    ...marks.map(({ place, is }) => s('path', { class: `mark ${is}`, d: `M${x(place)} 0V${height}` })),
  )
}

const anchorOf = (tick: number, { span }: Scale): string =>
  tick === 0 ? 'start' : tick > span * 0.97 ? 'end' : 'middle'

const tickText = (tick: number): string => (tick === 0 ? '0' : tick < 1_000 ? `${tick} ms` : `${tick / 1_000} s`)
