// A list of rows, page by page: what they say, what is known of each, what can be done with one, with some, with all.
import { h, keyed, setText } from './dom.js'
import { count, number } from './format.js'
import { Pages } from './pages.js'
import { said } from './report.js'
import { makeRow, updateRow } from './row.js'

/**
 * @template Row
 * @typedef {import('./row.js').Action<Row>} Action
 */

/**
 * @template {{ id: string, task: string }} Row
 * @typedef {import('./row.js').RowsSettings<Row>} RowsSettings
 */

/** Milliseconds after which a list that could not be read is asked for again. */
const pause = 5_000

/** @template {{ id: string, task: string }} Row */
export class Rows {
  /** @type {RowsSettings<Row>} */
  #settings
  /** @type {readonly Row[]} */
  items = []
  /** @type {Set<string>} */
  #selected = new Set()
  /** What this page has done to rows: they stay where they are, whatever the filter says, until another page is asked for. */
  #done = new Map()
  /** What is said beside the status of a row. @type {Map<string, string>} */
  #outcomes = new Map()
  #asked = 0
  /** When the list could not be read. @type {number | undefined} */
  #failedAt
  #serverTime = () => Date.now()

  #list = h('ol', { className: 'rows', role: 'list' })
  #empty = h('div', { className: 'empty', hidden: true })
  #message = h('p', { className: 'message', role: 'status' })
  #every = h('input', { type: 'checkbox', onchange: () => this.#selectEvery() })
  #chosen = h('span', { className: 'chosen' })
  #buttons
  #fresh = h(
    'button',
    { type: 'button', className: 'fresh', hidden: true, onclick: () => this.load() },
    'There are newer ones: show them',
  )
  #bulk = h('div', { className: 'bulk', hidden: true })
  #pages

  /** @param {RowsSettings<Row>} settings */
  constructor(settings) {
    this.#settings = settings
    const { section, title, actions, all } = settings
    this.#list.setAttribute('aria-label', title)
    this.#buttons = actions.map((action) =>
      h('button', { type: 'button', disabled: true, onclick: () => this.#actOnSelected(action) }, action.label),
    )
    this.#bulk.append(
      h('label', { className: 'every' }, this.#every, 'All on this page'),
      this.#chosen,
      ...this.#buttons,
      h('span', { className: 'space' }),
      ...all.map(({ label, run }) => h('button', { type: 'button', className: 'quiet', onclick: run }, label)),
    )
    this.#pages = new Pages(title, () => {
      this.#selected.clear()
      this.#done.clear()
      this.items = []
      void this.load()
    })
    section.append(this.#bulk, this.#message, this.#fresh, this.#list, this.#empty, this.#pages.element)
  }

  /** From the first page on: something else is asked for. */
  reset() {
    this.#pages.reset()
    this.#selected.clear()
    this.#done.clear()
    this.say('')
    return this.load()
  }

  /** Asks for the page that is shown. Of answers that come in another order the last question counts. */
  async load() {
    const { server, path, query, order } = this.#settings
    const asked = ++this.#asked
    try {
      const { cursor } = this.#pages
      const page = /** @type {{ items: Row[], nextCursor: string | null }} */ (
        await server.read(path, { ...query(), cursor })
      )
      if (asked !== this.#asked) return
      const ids = new Set(page.items.map(({ id }) => id))
      const kept = this.items.filter(({ id }) => this.#done.has(id) && !ids.has(id))
      this.items = [...page.items, ...kept].toSorted(order)
      this.#pages.show(page.nextCursor)
      this.#fresh.hidden = true
      if (this.#failedAt !== undefined) this.say('')
      this.#failedAt = undefined
      this.draw()
    } catch (error) {
      if (asked !== this.#asked) return
      this.#failedAt = Date.now()
      this.say(/** @type {Error} */ (error).message, true)
    }
  }

  /** Rows have changed somewhere. They are not moved under somebody's hands. */
  changed() {
    const busy =
      this.#selected.size > 0 ||
      this.#list.matches(':hover, :focus-within') ||
      this.#list.querySelector('[aria-expanded="true"]')
    if (busy) this.#fresh.hidden = false
    else void this.load()
  }

  /**
   * @param {string} text
   * @param {boolean} [isError]
   */
  say(text, isError = false) {
    this.#message.classList.toggle('error', isError)
    setText(this.#message, text)
  }

  /**
   * @param {number} now the server's clock
   * @param {ReadonlyMap<string, string>} outcomes what became of rows that were retried
   */
  tick(now, outcomes) {
    const ahead = now - Date.now()
    this.#serverTime = () => Date.now() + ahead
    this.#outcomes = new Map(outcomes)
    if (this.items.length > 0) this.draw()
    if (this.#failedAt !== undefined && Date.now() - this.#failedAt > pause) void this.load()
  }

  draw() {
    const { none } = this.#settings
    this.#selected = new Set(this.items.filter((row) => this.#selected.has(row.id)).map(({ id }) => id))
    keyed(this.#list, this.items, {
      key: ({ id }) => id,
      make: (row) => this.#make(row),
      update: (element, row) => this.#update(element, row),
    })
    const isEmpty = this.items.length === 0
    if (isEmpty && this.#empty.hidden) this.#empty.replaceChildren(...none().filter((child) => child instanceof Node))
    this.#empty.hidden = !isEmpty
    this.#list.hidden = isEmpty
    this.#bulk.hidden = isEmpty
    this.#drawSelection()
  }

  #drawSelection() {
    const { actions } = this.#settings
    const chosen = this.items.filter(({ id }) => this.#selected.has(id))
    this.#every.checked = chosen.length > 0 && chosen.length === this.items.length
    this.#every.indeterminate = chosen.length > 0 && chosen.length < this.items.length
    this.#every.disabled = this.items.length === 0
    setText(this.#chosen, chosen.length === 0 ? '' : `${number(chosen.length)} selected`)
    for (const [index, { can }] of actions.entries()) {
      const button = this.#buttons[index]
      if (button) button.disabled = !chosen.some((row) => can(row) && !this.#done.has(row.id))
    }
  }

  /** @param {Row} row */
  #make(row) {
    const { actions, details } = this.#settings
    return makeRow(row.id, {
      actions: actions.map((action) => ({ label: action.label, run: () => this.#act(action, [row.id]) })),
      details: () => details(row.id),
      onSelect: (selected) => {
        if (selected) this.#selected.add(row.id)
        else this.#selected.delete(row.id)
        this.#drawSelection()
      },
    })
  }

  /**
   * @param {HTMLElement} element
   * @param {Row} row
   */
  #update(element, row) {
    const { statusOf, timeOf, textOf, actions } = this.#settings
    updateRow(element, {
      ...textOf(row),
      task: row.task,
      status: this.#done.get(row.id) ?? statusOf(row),
      outcome: this.#outcomes.get(row.id),
      at: timeOf(row),
      now: this.#serverTime(),
      selected: this.#selected.has(row.id),
      can: actions.map(({ can }) => can(row) && !this.#done.has(row.id)),
    })
  }

  #selectEvery() {
    this.#selected = new Set(this.#every.checked ? this.items.map(({ id }) => id) : [])
    this.draw()
  }

  /** @param {Action<Row>} action */
  #actOnSelected(action) {
    const ids = this.items.filter((row) => this.#selected.has(row.id) && action.can(row) && !this.#done.has(row.id))
    return this.#act(
      action,
      ids.map(({ id }) => id),
    )
  }

  /**
   * @param {Action<Row>} action
   * @param {readonly string[]} ids
   */
  async #act(action, ids) {
    const { server, confirm } = this.#settings
    const rows = this.items.filter((row) => ids.includes(row.id) && action.can(row) && !this.#done.has(row.id))
    if (rows.length === 0) return
    const what = rows.length === 1 ? (rows[0]?.task ?? '') : count(rows.length, 'row')
    if (action.ask !== undefined && !(await confirm(`${action.label} ${what}?`, action.ask, action.label))) return
    try {
      const report = await server.change(action.path, { ids: rows.map(({ id }) => id) })
      // Which of several were left as they were is for the next answer to say.
      if (report.done === rows.length) for (const { id } of rows) this.#done.set(id, action.status)
      for (const { id } of rows) this.#selected.delete(id)
      this.say(said(report, action.status), report.done < rows.length)
      if (report.done < rows.length) await this.load()
      this.draw()
    } catch (error) {
      this.say(/** @type {Error} */ (error).message, true)
    }
  }
}
