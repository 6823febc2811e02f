import { type PartnerKnobs, type PartnerOfShop, partners } from '../events.js'
import type { View } from './controls.js'
import { h, say } from './dom.js'
import type { State } from './state.js'
import { set as setAll } from './chapters.js'

/** The partners' knobs. Another tab may turn them too. */
export function partnersView(state: State): View {
  const { texts } = state
  const views = partners.map((name) => partnerView(state, name))
  const reset = h('button', { type: 'button', class: 'quiet', onclick: () => void setAll(state) }, texts.partners.reset)
  const element = h(
    'section',
    { class: 'partners panel', 'aria-labelledby': 'partners-title' },
    h('div', { class: 'panel-head' }, h('h2', { id: 'partners-title' }, texts.partners.title), reset),
    h(
      'div',
      { class: 'partner partner-head', 'aria-hidden': 'true' },
      h('span', {}),
      h('span', {}, texts.partners.latency),
      h('span', {}, texts.partners.failureRate),
      h('span', {}, texts.partners.down),
    ),
    ...views.map((view) => view.element),
  )
  return {
    element,
    update() {
      reset.disabled = !state.live.isLive
      for (const view of views) view.update()
    },
  }
}

function partnerView(state: State, name: PartnerOfShop): View {
  const { texts, api, live } = state
  const { partners: words } = texts
  const change = (knobs: Partial<PartnerKnobs>): void => void api.partner(name, knobs)
  const slider = (label: string, most: number, step: number, onchange: (value: number) => void) => {
    const output = h('output', {})
    const input: HTMLInputElement = h('input', {
      type: 'range',
      min: 0,
      max: most,
      step,
      'aria-label': `${words.names[name]}: ${label}`,
      onchange: () => onchange(Number(input.value)),
    })
    return { input, output, element: h('div', { class: 'knob' }, input, output) }
  }
  const latency = slider(words.latency, 5_000, 100, (value) => change({ latency: value }))
  const failures = slider(words.failureRate, 100, 5, (value) => change({ failureRate: value / 100 }))
  const down: HTMLInputElement = h('input', {
    type: 'checkbox',
    role: 'switch',
    'aria-label': `${words.names[name]}: ${words.down}`,
    onchange: () => change({ down: down.checked }),
  })
  const element = h(
    'fieldset',
    { class: 'partner' },
    h('legend', {}, words.names[name]),
    h('span', { class: 'partner-name', 'aria-hidden': 'true' }, words.names[name]),
    latency.element,
    failures.element,
    down,
  )
  const show = ({ input, output }: typeof latency, value: number, text: string): void => {
    // Not under the finger that moves it.
    if (document.activeElement !== input || !input.matches(':active')) input.value = String(value)
    input.setAttribute('aria-valuetext', text)
    say(output, text)
  }
  return {
    element,
    update() {
      const knobs = live.partners[name]
      if (!knobs) return
      show(latency, knobs.latency, words.milliseconds(knobs.latency))
      show(failures, knobs.failureRate * 100, words.percent(Math.round(knobs.failureRate * 100)))
      down.checked = knobs.down
      element.classList.toggle('is-down', knobs.down)
      for (const each of [latency.input, failures.input, down]) each.disabled = !live.isLive
    },
  }
}
