// Which failures are asked for. What is chosen stands in the address too, so that it can be kept and sent.
import { byId, h } from './dom.js'
import { moment } from './format.js'

const open = 'failed,rejected,interrupted,unknown'

/** Values of `status` by their labels. */
const statuses = {
  'not dealt with': open,
  failed: 'failed',
  rejected: 'rejected',
  interrupted: 'interrupted',
  unknown: 'unknown',
  retried: 'retried',
  resolved: 'resolved',
  all: '',
}

/** Minutes by their labels. */
const times = {
  'at any time': 0,
  'in 15 minutes': 15,
  'in an hour': 60,
  'in 24 hours': 1_440,
  'in 7 days': 10_080,
  'between …': -1,
}

const fields = /** @type {const} */ (['status', 'task', 'when', 'since', 'until'])

export class Filter {
  #form = /** @type {HTMLFormElement} */ (byId('filter'))
  #serverTime = () => Date.now()

  /** @param {() => void} onChange */
  constructor(onChange) {
    const { status, when } = this.#fields
    status.append(...Object.entries(statuses).map(([label, value]) => h('option', { value }, label)))
    when.append(...Object.entries(times).map(([label, value]) => h('option', { value: String(value) }, label)))
    const known = new URLSearchParams(location.search)
    for (const name of fields) {
      const value = known.get(name)
      if (value !== null) this.#fields[name].value = value
    }
    for (const select of [status, when]) if (select.selectedIndex < 0) select.selectedIndex = 0
    this.#showTimes()
    this.#form.addEventListener('submit', (event) => event.preventDefault())
    this.#form.addEventListener('change', () => {
      this.#showTimes()
      const chosen = fields
        .map((name) => [name, this.#fields[name].value])
        .filter(([name, value]) => value !== initial(name))
      const query = new URLSearchParams(chosen).toString()
      history.replaceState(null, '', query === '' ? location.pathname : `?${query}`)
      onChange()
    })
  }

  /** @param {number} now the server's clock */
  tick(now) {
    const ahead = now - Date.now()
    this.#serverTime = () => Date.now() + ahead
  }

  /** @param {Iterable<string>} names of tasks that a person may look for */
  suggest(names) {
    const list = byId('task-names')
    const known = new Set(Array.from(list.children, (option) => option.getAttribute('value')))
    for (const name of names) if (!known.has(name)) list.append(h('option', { value: name }))
  }

  clear() {
    for (const name of fields) this.#fields[name].value = initial(name)
    this.#form.dispatchEvent(new Event('change'))
  }

  /** Whether it leaves out more than what has been dealt with. */
  get isNarrow() {
    const { status, task, when } = this.#fields
    return status.value !== open || task.value !== '' || when.value !== '0'
  }

  /** For the server. @returns {Record<'status' | 'task' | 'since' | 'until', string | undefined>} */
  get query() {
    const { status, task, when, since, until } = this.#fields
    const minutes = Number(when.value)
    const isRange = minutes < 0
    const recent = minutes > 0 ? new Date(this.#serverTime() - minutes * 60_000).toISOString() : undefined
    return {
      status: status.value || undefined,
      task: task.value || undefined,
      since: isRange ? timeIn(since.value) : recent,
      until: isRange ? timeIn(until.value) : undefined,
    }
  }

  /** For a person. */
  get inWords() {
    const { task } = this.#fields
    const { status = 'all', since, until } = this.query
    return [
      `Status: ${status.replaceAll(',', ', ')}.`,
      task.value === '' ? 'All tasks.' : `Task: ${task.value}.`,
      since !== undefined && `Since ${moment(since)}.`,
      until !== undefined && `Until ${moment(until)}.`,
    ]
      .filter((sentence) => sentence !== false)
      .join(' ')
  }

  /** What an action on all of them goes by: nothing that comes later. */
  get upToNow() {
    const { query } = this
    return { ...query, until: query.until ?? new Date(this.#serverTime() + 1).toISOString() }
  }

  #showTimes() {
    byId('custom').hidden = this.#fields.when.value !== '-1'
  }

  /** @returns {{ status: HTMLSelectElement, when: HTMLSelectElement, task: HTMLInputElement, since: HTMLInputElement, until: HTMLInputElement }} */
  get #fields() {
    return /** @type {never} */ (Object.fromEntries(fields.map((name) => [name, this.#form.elements.namedItem(name)])))
  }
}

/** @param {string | undefined} name */
const initial = (name) => (name === 'status' ? open : name === 'when' ? '0' : '')

/** @param {string} text */
const timeIn = (text) => (text === '' ? undefined : new Date(text).toISOString())
