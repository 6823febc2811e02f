// One row of a list.
import { h, setText } from './dom.js'
import { ago, moment } from './format.js'

/** @typedef {import('./server.js').Server} Server */
/** @typedef {import('./dom.js').Child} Child */

/**
 * @template Row
 * @typedef {object} Action
 * @property {string} label
 * @property {string} path
 * @property {string} status what the row is afterwards
 * @property {(row: Row) => boolean} can
 * @property {string} [ask] what a person is asked before
 */

/**
 * @template {{ id: string, task: string }} Row
 * @typedef {object} RowsSettings
 * @property {HTMLElement} section
 * @property {string} title of the list
 * @property {Server} server
 * @property {string} path
 * @property {() => Record<string, string | undefined>} query
 * @property {(row: Row) => string} statusOf
 * @property {(row: Row) => string | undefined} timeOf
 * @property {(row: Row) => { name: string | null, message: string | null, note: string }} textOf
 * @property {(id: string) => Promise<HTMLElement>} details
 * @property {readonly Action<Row>[]} actions
 * @property {readonly { label: string, run: () => Promise<void> }[]} all
 * @property {(a: Row, b: Row) => number} order
 * @property {() => Child[]} none what one would see here
 * @property {(title: string, text: string, label: string) => Promise<boolean>} confirm
 */

/**
 * A row that says nothing yet.
 *
 * @param {string} id
 * @param {object} what
 * @param {readonly { label: string, run: () => unknown }[]} what.actions
 * @param {() => Promise<HTMLElement>} what.details asked for when somebody opens the row
 * @param {(selected: boolean) => void} what.onSelect
 */
export function makeRow(id, { actions, details, onSelect }) {
  const sheet = h('div', { className: 'details', id: `details-${id}`, hidden: true })
  const name = h('span', { className: 'name' })
  const what = h('span', { className: 'what' }, h('b'), h('span'))
  const open = h(
    'button',
    { type: 'button', className: 'open', 'aria-expanded': 'false', 'aria-controls': sheet.id },
    name,
    what,
  )
  open.addEventListener('click', () => void toggle(open, sheet, details))
  /** @type {HTMLInputElement} */
  const select = h('input', { type: 'checkbox', onchange: () => onSelect(select.checked) })
  return h(
    'li',
    {},
    h('label', { className: 'select' }, select),
    h('span', { className: 'chip' }),
    open,
    h('span', { className: 'note' }),
    h('time'),
    h(
      'span',
      { className: 'buttons' },
      ...actions.map(({ label, run }) => h('button', { type: 'button', onclick: run }, label)),
    ),
    sheet,
  )
}

/**
 * @param {HTMLElement} element
 * @param {object} row
 * @param {string} row.task
 * @param {string | null} row.name of the error
 * @param {string | null} row.message
 * @param {string} row.note
 * @param {string} row.status
 * @param {string | undefined} row.outcome what became of its retry
 * @param {string | undefined} row.at
 * @param {number} row.now
 * @param {boolean} row.selected
 * @param {readonly boolean[]} row.can which of its actions make sense
 */
export function updateRow(element, { task, name, message, note, status, outcome, at, now, selected, can }) {
  const part = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (element.querySelector(selector))
  const chip = part('.chip')
  chip.dataset['status'] = status
  chip.dataset['outcome'] = outcome ?? ''
  setText(chip, outcome === undefined ? status : `${status}: ${outcome}`)
  setText(part('.name'), task)
  setText(part('.what b'), name ?? '')
  setText(part('.what span'), message ?? '')
  setText(part('.note'), note)
  const time = /** @type {HTMLTimeElement} */ (part('time'))
  if (at !== undefined) {
    setText(time, ago(now - Date.parse(at)))
    if (time.dateTime !== at) Object.assign(time, { dateTime: at, title: moment(at) })
  }
  const about = `${task}, ${status}${at === undefined ? '' : `, ${moment(at)}`}`
  const select = /** @type {HTMLInputElement} */ (part('.select input'))
  select.checked = selected
  select.setAttribute('aria-label', `Select ${about}`)
  for (const [index, button] of [...element.querySelectorAll('.buttons button')].entries()) {
    // It stays where it is, and can have the focus: a button that is disabled sends the focus back to the top.
    button.setAttribute('aria-disabled', String(!can[index]))
    button.setAttribute('aria-label', `${button.textContent} ${about}`)
  }
}

/**
 * @param {HTMLElement} button
 * @param {HTMLElement} sheet
 * @param {() => Promise<HTMLElement>} details
 */
async function toggle(button, sheet, details) {
  const open = button.getAttribute('aria-expanded') !== 'true'
  button.setAttribute('aria-expanded', String(open))
  sheet.hidden = !open
  if (!open) return
  try {
    sheet.replaceChildren(await details())
  } catch (error) {
    sheet.replaceChildren(h('p', { className: 'error' }, /** @type {Error} */ (error).message))
  }
}
