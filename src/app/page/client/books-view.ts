import { rungs } from '../events.js'
import type { View } from './controls.js'
import { h, say, set } from './dom.js'
import type { State } from './state.js'
import type { Count } from './texts/texts.js'

const rows: readonly Count[] = [
  'owed',
  'delivered',
  'twice',
  'inMemory',
  'stored',
  'failed',
  'dead',
  'lost',
  'cameBack',
  'forNothing',
]
const bad = new Set<Count>(['lost', 'forNothing', 'failed', 'dead'])

/** The counts of all rungs beside each other. */
export function booksView(state: State): View {
  const { books: words } = state.texts
  const cells = rows.map((row) => ({
    row,
    cells: rungs.map((rung) => ({ rung, cell: h('td', { 'data-count': `${rung} ${row}` }) })),
  }))
  const element = h(
    'section',
    { class: 'books panel', 'aria-labelledby': 'books-title' },
    h('h2', { id: 'books-title' }, words.title),
    h('p', { class: 'hint' }, words.hint),
    h(
      'table',
      { 'aria-labelledby': 'books-title' },
      h('thead', {}, h('tr', {}, h('td', {}), ...rungs.map((rung) => h('th', { scope: 'col' }, words.columns[rung])))),
      h(
        'tbody',
        {},
        ...cells.map(({ row, cells: all }) =>
          h('tr', { class: `row-${row}` }, h('th', { scope: 'row' }, words.rows[row]), ...all.map(({ cell }) => cell)),
        ),
      ),
    ),
  )
  return {
    element,
    update() {
      for (const { row, cells: all } of cells) {
        for (const { rung, cell } of all) {
          const value = state.live.books[rung]?.[row]
          say(cell, value === undefined ? '–' : String(value))
          set(cell, {
            class: (value ?? 0) > 0 ? (bad.has(row) ? 'bad' : row === 'cameBack' ? 'good' : 'some') : 'none',
          })
        }
      }
    },
  }
}
