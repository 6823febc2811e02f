// The tasks that ran in the last minutes.
import { chart, drawDurations, drawRate } from './charts.js'
import { byId, h, keyed, setText } from './dom.js'
import { count, duration, number, rate } from './format.js'
import { first } from './pool.js'

/** @typedef {import('../answers.js').State} State */
/** @typedef {import('../activity.js').Summary} Summary */
/** @typedef {import('./history.js').History} History */

/** Rows that are shown before somebody asks for all. */
const few = 8

export class TasksView {
  #all = false
  /** @type {State['tasks']} */
  #tasks = []
  #show = () => {}

  constructor() {
    byId('more-tasks').addEventListener('click', () => {
      this.#all = !this.#all
      this.#show()
    })
  }

  /**
   * @param {State} state
   * @param {History} history
   */
  show({ tasks }, history) {
    this.#tasks = tasks
    this.#show = () => this.#draw(history)
    this.#show()
  }

  /** @param {History} history */
  #draw(history) {
    const tasks = this.#tasks
    // The busiest ones, by their names: rows that change places cannot be read.
    const busiest = tasks.toSorted((a, b) => attempts(b) - attempts(a)).slice(0, this.#all ? undefined : few)
    const shown = busiest.toSorted((a, b) => a.name.localeCompare(b.name))
    const section = byId('tasks')
    byId('tasks-empty').hidden = tasks.length > 0
    first(section, 'table').hidden = tasks.length === 0
    const more = byId('more-tasks')
    more.hidden = tasks.length <= few
    setText(more, this.#all ? 'Show the busiest' : `Show all ${number(tasks.length)}`)
    keyed(byId('task-rows'), shown, {
      key: ({ name }) => name,
      make: rowOf,
      update: (row, task) => update(row, task, history),
    })
  }
}

/** @param {Summary} task */
const attempts = ({ succeeded, failed }) => succeeded + failed

/** @param {Summary} task */
function rowOf({ name }) {
  return h(
    'tr',
    {},
    h('th', { scope: 'row' }, h('span', { className: 'name' }, name)),
    h('td', {}, h('div', { className: 'plot' }, chart(28, 'rates'), h('span', { className: 'speed' }))),
    h('td', { className: 'end failed' }),
    h(
      'td',
      {},
      h('div', { className: 'plot' }, chart(28, 'durations'), h('span', { className: 'took' }, h('span'), h('small'))),
    ),
  )
}

/**
 * @param {HTMLElement} row
 * @param {Summary} task
 * @param {History} history
 */
function update(row, { name, succeeded, failed, p50, p95 }, history) {
  const [rates, durations] = /** @type {SVGSVGElement[]} */ ([...row.querySelectorAll('svg')])
  if (!rates || !durations) return
  const series = history.of(name)
  const highest = history.highest(series)
  drawRate(rates, series, highest)
  drawDurations(durations, series)
  const now = rate(history.rate(series))
  rates.setAttribute('aria-label', `${now} a second now, ${rate(history.perSecond(highest))} at most`)
  const most = `half of the attempts took ${duration(p50)} at most, 95 of 100 took ${duration(p95)}`
  durations.setAttribute('aria-label', most)
  setText(first(row, '.speed'), `${now}/s`)
  const failures = first(row, '.failed')
  setText(failures, number(failed))
  failures.dataset['tone'] = failed === 0 ? 'none' : 'bad'
  failures.title = `${count(failed, 'attempt')} of ${number(succeeded + failed)}`
  setText(first(row, '.took span'), duration(p50))
  setText(first(row, '.took small'), `p95 ${duration(p95)}`)
}
