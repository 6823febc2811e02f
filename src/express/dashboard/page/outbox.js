// The outbox: what waits in it, and the messages that have used up their attempts.
import { deadDetails } from './details.js'
import { byId, h, setText } from './dom.js'
import { count, duration, number } from './format.js'
import { showCounters, showFigures } from './pool.js'
import { Rows } from './rows.js'

/** @typedef {import('../answers.js').State} State */
/** @typedef {import('../answers.js').DeadRow} DeadRow */
/** @typedef {import('./server.js').Server} Server */
/** @typedef {import('./ask.js').Ask} Ask */

/** Nothing is counted beyond. */
const most = 100_000

/** Counters of a relay that tell of trouble. */
const bad = new Set(['dead', 'stale', 'errors', 'abandoned'])

/**
 * @param {Server} server
 * @param {Ask} ask
 */
export function outboxView(server, ask) {
  /** @type {Rows<DeadRow> | undefined} */
  let rows
  let dead = -1
  return {
    /** @param {State} state */
    show({ outbox, now }) {
      byId('outbox').hidden = byId('dead').hidden = outbox === null
      if (!outbox) return
      rows ??= deadRows(server, ask)
      const { backlog, relay } = outbox
      const error = backlog !== null && 'error' in backlog ? backlog.error : ''
      byId('outbox-error').hidden = error === ''
      setText(byId('outbox-error'), error === '' ? '' : `The table does not answer: ${error}`)
      if (backlog !== null && !('error' in backlog)) {
        const { pending, processing, oldestPendingMs } = backlog
        showFigures(byId('outbox-figures'), [
          { label: 'Pending', value: upTo(pending) },
          { label: 'Claimed', value: upTo(processing) },
          { label: 'Dead', value: upTo(backlog.dead), tone: backlog.dead > 0 ? 'bad' : '' },
          {
            label: 'Oldest',
            value: pending === 0 ? '–' : duration(oldestPendingMs),
            tone: oldestPendingMs > 60_000 ? 'warn' : '',
          },
        ])
        if (dead !== backlog.dead) {
          if (dead === -1) void rows.load()
          else rows.changed()
        }
        dead = backlog.dead
      }
      showCounters(
        byId('relay'),
        Object.entries(relay ?? {}).map(([name, n]) => [name, n, bad.has(name) ? 'bad' : '']),
      )
      rows.tick(now, new Map())
    },
  }
}

/** @param {number} n */
const upTo = (n) => (n >= most ? `${number(n)}+` : number(n))

/**
 * @param {Server} server
 * @param {Ask} ask
 * @returns {Rows<DeadRow>}
 */
function deadRows(server, ask) {
  return new Rows({
    section: byId('dead'),
    title: 'Dead messages',
    server,
    path: 'api/dead',
    query: () => ({}),
    statusOf: () => 'dead',
    timeOf: () => undefined,
    textOf: ({ lastError, key, attempts }) => ({
      name: null,
      message: lastError,
      note: `${count(attempts, 'attempt')}${key === null ? '' : `, key ${key}`}`,
    }),
    details: async (id) => deadDetails(await server.read('api/dead-message', { id })),
    actions: [
      { label: 'Retry', path: 'api/dead/retry', status: 'retried', can: () => true },
      {
        label: 'Discard',
        path: 'api/dead/discard',
        status: 'discarded',
        can: () => true,
        ask: 'It is deleted from the outbox, and its task never runs. What waits behind it goes on.',
      },
    ],
    all: [],
    order: (a, b) => a.id.length - b.id.length || (a.id < b.id ? -1 : 1),
    none: () => [
      h('p', {}, 'No dead messages.'),
      h(
        'p',
        {},
        'One that has used up its attempts comes here, with its last error and its payload, to be retried or discarded.',
      ),
    ],
    confirm: (title, text, label) => ask.confirm(title, text, label),
  })
}
