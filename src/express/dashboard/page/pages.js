// The pages of a list: a store that has a cursor knows the next page, and only whoever was there the one before.
import { h, setText } from './dom.js'
import { number } from './format.js'

export class Pages {
  /** The cursors of the pages up to this one. @type {(string | undefined)[]} */
  #cursors = [undefined]
  /** @type {string | null} */
  #next = null
  #newer = h('button', { type: 'button', onclick: () => this.#turn(-1) }, 'Back')
  #older = h('button', { type: 'button', onclick: () => this.#turn(1) }, 'Next')
  #place = h('span')
  #onTurn
  element

  /**
   * @param {string} title of the list
   * @param {() => void} onTurn
   */
  constructor(title, onTurn) {
    this.#onTurn = onTurn
    const label = `Pages of ${title.toLowerCase()}`
    this.element = h(
      'nav',
      { className: 'pages', hidden: true, 'aria-label': label },
      this.#newer,
      this.#place,
      this.#older,
    )
  }

  get cursor() {
    return this.#cursors.at(-1)
  }

  reset() {
    this.#cursors = [undefined]
  }

  /** @param {string | null} next the cursor of the next page, if there is one */
  show(next) {
    this.#next = next
    const page = this.#cursors.length
    this.#newer.disabled = page === 1
    this.#older.disabled = next === null
    this.element.hidden = page === 1 && next === null
    setText(this.#place, `Page ${number(page)}`)
  }

  /** @param {1 | -1} by */
  #turn(by) {
    if (by === 1) this.#cursors.push(this.#next ?? undefined)
    else this.#cursors.pop()
    this.#onTurn()
  }
}
