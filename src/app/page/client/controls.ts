// The rung, its processes, and the requests that can be sent.
import { type ProcessName, processNames, rungs } from '../events.js'
import { h, say, set } from './dom.js'
import type { State } from './state.js'
import { useCases } from './use-cases.js'

export interface View {
  readonly element: HTMLElement
  update(): void
}

export function controls(state: State): View {
  const { texts, api } = state
  const radios = rungs.map((rung) =>
    h('input', {
      type: 'radio',
      name: 'rung',
      value: rung,
      onchange: () => {
        state.choose({ rung })
        void api.process(rung, 'A', 'start')
      },
    }),
  )
  const hint = h('p', { class: 'hint' })
  const buttons = [
    ...useCases.map((useCase) =>
      h('button', { type: 'button', onclick: () => void api.send(useCase, state.rung) }, texts.useCases[useCase]),
    ),
    h('button', { type: 'button', onclick: () => void api.burst(24, state.rung) }, texts.useCases.burst),
  ]
  const processViews = processNames.map((name) => processView(state, name))
  const element = h(
    'section',
    { class: 'controls panel', 'aria-label': texts.actions },
    h(
      'div',
      { class: 'controls-rung' },
      h(
        'fieldset',
        { class: 'segmented' },
        h('legend', {}, texts.whereCalled),
        ...rungs.map((rung, index) => h('label', {}, radios[index], h('span', {}, texts.rungs[rung]))),
      ),
      hint,
      h(
        'div',
        { class: 'processes', role: 'group', 'aria-label': texts.process.title },
        ...processViews.map((view) => view.element),
      ),
    ),
    h('div', { class: 'buttons', role: 'group', 'aria-label': texts.actions }, ...buttons),
  )
  return {
    element,
    update() {
      for (const radio of radios) radio.checked = radio.value === state.rung
      say(hint, texts.rungHints[state.rung])
      for (const button of buttons) button.disabled = !state.live.isLive
      for (const view of processViews) view.update()
    },
  }
}

function processView(state: State, name: ProcessName): View {
  const { texts, api } = state
  const { process: words } = texts
  const text = h('span', { class: 'process-text' })
  const kill = h(
    'button',
    {
      type: 'button',
      class: 'danger',
      title: words.killHint(name),
      onclick: () => void api.process(state.rung, name, 'kill'),
    },
    words.kill(name),
  )
  const start = h(
    'button',
    { type: 'button', class: 'quiet', onclick: () => void api.process(state.rung, name, 'start') },
    words.second,
  )
  const dot = h('span', { class: 'dot', 'aria-hidden': 'true' })
  const element = h('div', { class: 'process' }, dot, text, kill, start)
  return {
    element,
    update() {
      const step = state.live.process(state.rung, name)
      const is = step?.state ?? 'off'
      const isSecond = name === 'B'
      // Only an outbox can be shared.
      set(element, { hidden: isSecond && state.rung !== 'outbox', 'data-state': state.live.isLive ? is : 'unheard' })
      set(text, { hidden: isSecond && is === 'off' })
      set(kill, { hidden: is !== 'up', disabled: !state.live.isLive })
      set(start, { hidden: !isSecond || is !== 'off', disabled: !state.live.isLive })
      say(text, [words.name(name), is === 'up' && step ? words.pid(step.pid) : words.states[is]].join(' · '))
    },
  }
}
