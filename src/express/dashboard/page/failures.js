// The failure log.
import { byId, h } from './dom.js'
import { Filter } from './filter.js'
import { count } from './format.js'
import { failureDetails } from './details.js'
import { Rows } from './rows.js'

/** @typedef {import('../answers.js').State} State */
/** @typedef {import('../answers.js').FailureRow} FailureRow */
/** @typedef {import('./server.js').Server} Server */
/** @typedef {import('./ask.js').Ask} Ask */

const open = new Set(['failed', 'rejected', 'interrupted', 'unknown'])

/** What stands where there is no error. @type {ReadonlyMap<string, string>} */
const why = new Map([
  ['rejected', 'The pool was full: it has not run'],
  ['interrupted', 'The process stopped before it ended'],
  ['unknown', 'Nobody knows whether its transaction was committed'],
])

/**
 * @param {Server} server
 * @param {Ask} ask
 */
export function failuresView(server, ask) {
  /** @param {'retry' | 'resolve'} what @param {string} verb @param {string} text */
  const all = (what, verb, text) => ({
    label: `${what === 'retry' ? 'Retry' : 'Resolve'} all …`,
    run: async () => {
      const given = filter.upToNow
      await ask.goThrough({
        title: `${what === 'retry' ? 'Retry' : 'Resolve'} all failures that match?`,
        text: `${filter.inWords} ${text}`,
        label: what === 'retry' ? 'Retry all' : 'Resolve all',
        verb,
        step: (cursor) => server.change(`api/failures/${what}-all`, { ...given, cursor }),
      })
      await rows.reset()
    },
  })
  const filter = new Filter(() => void rows.reset())
  /** @type {Rows<FailureRow>} */
  const rows = new Rows({
    section: byId('failures'),
    title: 'Failures',
    server,
    path: 'api/failures',
    query: () => filter.query,
    statusOf: ({ status }) => status,
    timeOf: ({ recordedAt }) => recordedAt,
    textOf: ({ status, errorName, errorMessage, attempts, isClosure }) => ({
      name: errorName,
      message: errorMessage ?? why.get(status) ?? null,
      note: `${count(attempts, 'attempt')}${isClosure ? ', closure' : ''}`,
    }),
    details: async (id) => failureDetails(await server.read('api/failure', { id })),
    actions: [
      {
        label: 'Retry',
        path: 'api/failures/retry',
        status: 'retried',
        can: ({ status, isClosure }) => open.has(status) && !isClosure,
      },
      {
        label: 'Resolve',
        path: 'api/failures/resolve',
        status: 'resolved',
        can: ({ status }) => open.has(status),
      },
    ],
    all: [
      all(
        'retry',
        'retried',
        'They run in this process, the oldest first, until its pool is full; closures cannot. Those with the status unknown may have done their work: they run only where that status alone is chosen.',
      ),
      all('resolve', 'resolved', 'Nothing runs: it says that a person has dealt with them.'),
    ],
    order: (a, b) => (a.recordedAt === b.recordedAt ? (a.id < b.id ? 1 : -1) : a.recordedAt < b.recordedAt ? 1 : -1),
    none: () =>
      filter.isNarrow
        ? [
            h('p', {}, 'No failure matches.'),
            h('button', { type: 'button', onclick: () => filter.clear() }, 'Clear the filter'),
          ]
        : [
            h('p', {}, 'No failures.'),
            h(
              'p',
              {},
              'A task that fails for good gets a row here: its error and stack, its payload, and a button that runs it again. So does one that is rejected because the pool is full, or that a shutdown interrupts.',
            ),
          ],
    confirm: (title, text, label) => ask.confirm(title, text, label),
  })
  void rows.load()

  let changes = -1
  let again = false
  return {
    /** @param {State} state */
    show(state) {
      filter.tick(state.now)
      filter.suggest([...state.tasks.map(({ name }) => name), ...rows.items.map(({ task }) => task)])
      rows.tick(state.now, new Map(state.retries.map(({ of, status }) => [of, status])))
      const changed = changes !== -1 && changes !== state.changes
      // Rows are written in batches: what a number tells of may be stored a moment later.
      if (changed || again) rows.changed()
      again = changed
      changes = state.changes
    },
  }
}
