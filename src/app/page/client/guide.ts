// Seven steps: what to know, what to do, what to look at.
import { chapterActions } from './chapters.js'
import type { View } from './controls.js'
import { h, say, set } from './dom.js'
import type { State } from './state.js'

export function guide(state: State): View {
  const { texts } = state
  const { guide: words, chapters } = texts
  const tabs = chapters.map(({ title }, index) =>
    h(
      'button',
      { type: 'button', 'aria-label': words.step(index + 1, title), title, onclick: () => open(state, index) },
      String(index + 1),
    ),
  )
  const place = h('p', { class: 'guide-place' })
  const title = h('h2', { id: 'guide-title', tabindex: -1 })
  const text = h('p', { class: 'guide-text' })
  const run = h('button', { type: 'button', class: 'primary', onclick: () => void perform(state) })
  const failure = h('p', { class: 'guide-failure', role: 'alert' })
  const look = h('p', {})
  const link = h('a', { target: '_blank' }, words.dashboard)
  const turn = (by: number): void => {
    open(state, state.chapter + by)
    title.focus()
  }
  const previous = h('button', { type: 'button', class: 'quiet', onclick: () => turn(-1) }, words.previous)
  const next = h('button', { type: 'button', class: 'quiet', onclick: () => turn(1) }, words.next)
  const element = h(
    'section',
    { class: 'guide panel', 'aria-labelledby': 'guide-title' },
    h(
      'nav',
      { class: 'guide-steps', 'aria-label': words.title },
      h('ol', {}, ...tabs.map((tab) => h('li', {}, tab))),
      h('div', { class: 'guide-turn' }, previous, next),
    ),
    h('div', { class: 'guide-know' }, place, title, text),
    h('div', { class: 'guide-do' }, run, link, failure),
    h('div', { class: 'guide-look' }, h('h3', {}, words.look), look),
  )
  return {
    element,
    update() {
      const { chapter, done, busy } = state
      const content = chapters[chapter]
      if (!content) return
      tabs.forEach((tab, index) => {
        set(tab, { 'aria-current': index === chapter ? 'step' : undefined, 'data-done': done.has(index) })
        set(tab, {
          'aria-label': `${words.step(index + 1, chapters[index]?.title ?? '')}${done.has(index) ? `, ${words.done}` : ''}`,
        })
      })
      say(place, words.of(chapter + 1, chapters.length))
      say(title, content.title)
      say(text, content.text)
      say(run, busy === chapter ? words.running : content.do)
      set(run, { disabled: !state.live.isLive, 'aria-disabled': busy !== undefined ? 'true' : undefined })
      say(
        failure,
        state.failure === undefined
          ? ''
          : words.failed(state.failure === 'gone' ? texts.connection.gone : state.failure),
      )
      say(look, content.look)
      set(link, { href: `/shop/${state.rung}/dashboard/`, hidden: chapter !== chapters.length - 1 })
      previous.disabled = chapter === 0
      next.disabled = chapter === chapters.length - 1
      set(element, {
        'data-chapter': chapter + 1,
        'data-done': String(done.has(chapter)),
        'data-busy': String(busy !== undefined),
      })
    },
  }
}

/** Opens a step, and lets the processes that it needs start meanwhile. */
export function open(state: State, chapter: number): void {
  const action = chapterActions[chapter]
  if (!action) return
  state.choose({ chapter, rung: action.rung, alignment: action.alignment, failure: undefined })
  for (const rung of action.needs) void state.api.process(rung, 'A', 'start')
}

async function perform(state: State): Promise<void> {
  const { chapter } = state
  const action = chapterActions[chapter]
  if (!action || state.busy !== undefined) return
  state.choose({
    busy: chapter,
    failure: undefined,
    rung: action.rung,
    alignment: action.alignment,
    clearedAt: state.live.now,
  })
  try {
    await action.run(state)
    state.done.add(chapter)
    state.choose({ busy: undefined })
  } catch (error) {
    state.choose({ busy: undefined, failure: error instanceof Error ? error.message : String(error) })
  }
}
