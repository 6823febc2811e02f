// Builds the page, again for each language, and draws what changes.
import { announcer } from './announce.js'
import { booksView } from './books-view.js'
import { type View, controls } from './controls.js'
import { h, s, say, set } from './dom.js'
import { guide, open } from './guide.js'
import { partnersView } from './partners-view.js'
import { type Language, State, languages } from './state.js'
import { timeline } from './timeline.js'

const state = new State()
let views: readonly { update(): void }[] = []
let built: Language | undefined

function build(): void {
  const { texts, language } = state
  built = language
  document.documentElement.lang = language
  document.title = texts.title
  const picture = timeline(state)
  const steps = guide(state)
  const knobs = controls(state)
  const partners = partnersView(state)
  const books = booksView(state)
  const news = announcer(state)
  const top = header()
  views = [picture, steps, knobs, partners, books, news, top]
  document.body.replaceChildren(
    h('a', { class: 'skip', href: '#timeline', onclick: skip }, texts.skip),
    patterns(),
    top.element,
    h(
      'main',
      {},
      steps.element,
      h('div', { class: 'stage' }, knobs.element, picture.element),
      h('div', { class: 'side' }, partners.element, books.element),
    ),
    news.element,
  )
}

/** The address keeps the step, so the link moves the focus itself. */
function skip(event: Event): void {
  event.preventDefault()
  document.querySelector<HTMLElement>('#timeline')?.focus()
}

function header(): View {
  const { texts } = state
  const text = h('span', { class: 'connection-text' })
  const connection = h(
    'p',
    { class: 'connection', role: 'status' },
    h('span', { class: 'dot', 'aria-hidden': 'true' }),
    text,
  )
  const buttons = (Object.keys(languages) as Language[]).map((language) =>
    h(
      'button',
      {
        type: 'button',
        lang: language,
        'aria-pressed': String(state.language === language),
        onclick: () => {
          state.choose({ language })
          document.querySelector<HTMLElement>(`.languages [lang=${language}]`)?.focus()
        },
      },
      languages[language].languageName,
    ),
  )
  const element = h(
    'header',
    { class: 'top' },
    h('div', {}, h('h1', {}, texts.title), h('p', { class: 'tagline' }, texts.tagline)),
    connection,
    h('div', { class: 'languages', role: 'group', 'aria-label': texts.language }, ...buttons),
  )
  return {
    element,
    update() {
      const { connection: is } = state.live
      say(text, texts.connection[is])
      set(connection, { 'data-connection': is })
    },
  }
}

/** Hatching, for all drawings of the page. */
function patterns(): SVGSVGElement {
  const hatch = s(
    'pattern',
    { id: 'hatch', width: 5, height: 5, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
    s('path', { class: 'hatch', d: 'M0 0V5' }),
  )
  return s('svg', { class: 'patterns', width: 0, height: 0, 'aria-hidden': 'true' }, s('defs', {}, hatch))
}

function update(): void {
  if (built !== state.language) build()
  for (const view of views) view.update()
}

build()
state.live.onChange(update)
open(state, state.chapter)
state.live.connect()
