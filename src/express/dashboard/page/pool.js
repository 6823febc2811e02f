// The pool, its queues, and what the process has done since it started.
import { chart, drawRate } from './charts.js'
import { byId, h, keyed, setText } from './dom.js'
import { duration, number, rate } from './format.js'

/** @typedef {import('../answers.js').State} State */
/** @typedef {import('./history.js').History} History */
/** @typedef {{ label: string, value: string, of?: string, tone?: string, share?: number }} Figure */

/**
 * Big numbers with a name each.
 *
 * @param {HTMLElement} list
 * @param {readonly Figure[]} figures
 */
export function showFigures(list, figures) {
  keyed(list, figures, {
    key: ({ label }) => label,
    make: ({ label }) =>
      h(
        'div',
        {},
        h('dt', {}, label),
        h('dd', {}, h('b'), h('small'), h('span', { className: 'meter', hidden: true }, h('i'))),
      ),
    update(element, { value, of = '', tone = '', share }) {
      element.dataset['tone'] = tone
      setText(first(element, 'b'), value)
      setText(first(element, 'small'), of)
      fill(first(element, '.meter'), share)
    },
  })
}

/**
 * Small numbers in a row. Those that are zero are quiet.
 *
 * @param {HTMLElement} list
 * @param {readonly (readonly [label: string, n: number, tone?: string])[]} counters
 */
export function showCounters(list, counters) {
  keyed(list, counters, {
    key: ([label]) => label,
    make: ([label]) => h('div', {}, h('dt', {}, label), h('dd')),
    update(element, [, n, tone = '']) {
      element.dataset['tone'] = n === 0 ? 'none' : tone
      setText(first(element, 'dd'), number(n))
    },
  })
}

/**
 * @param {HTMLElement} meter
 * @param {number | undefined} share
 */
function fill(meter, share) {
  meter.hidden = share === undefined
  if (share === undefined) return
  meter.dataset['tone'] = share >= 0.9 ? 'bad' : share >= 0.6 ? 'warn' : ''
  first(meter, 'i').style.setProperty('inline-size', `${(100 * Math.min(share, 1)).toFixed(1)}%`)
}

/** @param {Element} element @param {string} selector */
export const first = (element, selector) => /** @type {HTMLElement} */ (element.querySelector(selector))

export class PoolView {
  #chart = chart(96, 'large')

  constructor() {
    byId('throughput').append(this.#chart)
  }

  /**
   * @param {State} state
   * @param {History} history
   */
  show({ stats, queues }, history) {
    const slots = sum(queues, ({ concurrency }) => concurrency)
    const bound = sum(queues, ({ maxPending }) => maxPending)
    const taken = stats.pending + stats.reserved
    showFigures(byId('figures'), [
      { label: 'Running', value: number(stats.running), of: `of ${number(slots)}` },
      { label: 'Waiting', value: number(stats.waiting) },
      { label: 'Backing off', value: number(stats.backingOff), tone: stats.backingOff > 0 ? 'warn' : '' },
      { label: 'Pending', value: number(taken), of: `of ${number(bound)}`, share: taken / bound },
      { label: 'Oldest', value: stats.pending === 0 ? '–' : duration(stats.oldestPendingMs) },
      { label: 'Abandoned', value: number(stats.abandoned), tone: stats.abandoned > 0 ? 'bad' : '' },
    ])
    showCounters(byId('counters'), [
      ['accepted', stats.accepted],
      ['succeeded', stats.succeeded],
      ['retried', stats.retried, 'warn'],
      ['failed', stats.failed, 'bad'],
      ['rejected', stats.rejected, 'bad'],
      ['dropped', stats.dropped, 'bad'],
      ['interrupted', stats.interrupted, 'bad'],
      ['unknown', stats.unknown, 'bad'],
      ['stored', stats.stored],
      ['cancelled', stats.cancelled],
      ['discarded', stats.discarded],
    ])
    this.#showQueues(queues)
    const { total } = history
    const highest = history.highest(total)
    drawRate(this.#chart, total, highest)
    const now = `${rate(history.rate(total))} attempts a second now, ${rate(history.perSecond(highest))} at most`
    this.#chart.setAttribute('aria-label', now)
    setText(byId('span'), history.minutes === 1 ? 'last minute' : `last ${history.minutes} minutes`)
    setText(byId('most'), `at most ${rate(history.perSecond(highest))}/s`)
  }

  /** @param {State['queues']} queues */
  #showQueues(queues) {
    keyed(byId('queue-rows'), queues, {
      key: ({ name }) => name,
      make: ({ name }) =>
        h(
          'tr',
          {},
          h(
            'th',
            { scope: 'row' },
            h('span', { className: 'name' }, name),
            h('span', { className: 'chip', hidden: true }, 'paused'),
          ),
          h('td', { className: 'end' }),
          h('td', { className: 'end' }),
          h('td', { className: 'end' }),
          h('td', { className: 'wide' }, h('span'), h('div', { className: 'meter' }, h('i'))),
        ),
      update(row, { running, concurrency, waiting, backingOff, pending, reserved, maxPending, isPaused }) {
        const [runs, waits, backs, bound] = /** @type {HTMLElement[]} */ ([...row.querySelectorAll('td')])
        if (!runs || !waits || !backs || !bound) return
        first(row, '.chip').hidden = !isPaused
        setText(runs, `${number(running)} / ${number(concurrency)}`)
        setText(waits, number(waiting))
        setText(backs, number(backingOff))
        setText(first(bound, 'span'), `${number(pending + reserved)} / ${number(maxPending)}`)
        fill(first(bound, '.meter'), (pending + reserved) / maxPending)
      },
    })
  }
}

/**
 * @template T
 * @param {readonly T[]} items
 * @param {(item: T) => number} each
 */
const sum = (items, each) => items.reduce((total, item) => total + each(item), 0)
