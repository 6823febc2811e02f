// The one dialog: asks before something that concerns many rows, and goes on with it step by step until a person says stop.
import { byId, setText } from './dom.js'
import { number } from './format.js'
import { said } from './report.js'

/** @typedef {import('../answers.js').Report} Report */

export class Ask {
  #dialog = /** @type {HTMLDialogElement} */ (byId('ask'))
  #go = /** @type {HTMLButtonElement} */ (byId('ask-go'))
  #cancel = /** @type {HTMLButtonElement} */ (byId('ask-cancel'))
  /** What the next press of a button means; Escape is Cancel. */
  #choose = (/** @type {boolean} */ _yes) => {}

  constructor() {
    this.#go.addEventListener('click', () => this.#choose(true))
    this.#cancel.addEventListener('click', () => this.#choose(false))
    this.#dialog.addEventListener('cancel', (event) => {
      event.preventDefault()
      this.#choose(false)
    })
  }

  /**
   * @param {string} title
   * @param {string} text
   * @param {string} label of the button that says yes
   * @returns {Promise<boolean>}
   */
  async confirm(title, text, label) {
    const yes = await this.#answer(title, text, label)
    this.#dialog.close()
    return yes
  }

  /**
   * Asks, then calls `step` until it has no more, and leaves the dialog open with what became of it.
   *
   * @param {object} what
   * @param {string} what.title
   * @param {string} what.text
   * @param {string} what.label
   * @param {string} what.verb such as `retried`
   * @param {(cursor: string | undefined) => Promise<Report>} what.step
   */
  async goThrough({ title, text, label, verb, step }) {
    const yes = await this.#answer(title, text, label)
    if (yes) {
      this.#go.hidden = true
      setText(this.#cancel, 'Stop')
      setText(byId('ask-progress'), await this.#steps(verb, step))
      setText(this.#cancel, 'Close')
      this.#cancel.focus()
      await this.#choice()
    }
    this.#dialog.close()
  }

  /**
   * @param {string} verb
   * @param {(cursor: string | undefined) => Promise<Report>} step
   */
  async #steps(verb, step) {
    let stopped = false
    let done = 0
    /** @type {Record<string, number>} */
    const reasons = {}
    /** @type {string | undefined} */
    let cursor
    this.#choose = () => (stopped = true)
    try {
      do {
        const report = await step(cursor)
        done += report.done
        for (const [reason, n] of Object.entries(report.reasons)) reasons[reason] = (reasons[reason] ?? 0) + n
        // No way further at the moment: the same place again.
        if (report.nextCursor === cursor || (report.done === 0 && Object.keys(report.reasons).length > 0))
          stopped = true
        cursor = report.nextCursor ?? undefined
        setText(byId('ask-progress'), `${number(done)} ${verb} so far`)
      } while (cursor !== undefined && !stopped)
    } catch (error) {
      return `${said({ done, reasons }, verb)} ${/** @type {Error} */ (error).message}`
    }
    return `${said({ done, reasons }, verb)}${cursor === undefined ? '' : ' There are more.'}`
  }

  /**
   * @param {string} title
   * @param {string} text
   * @param {string} label
   * @returns {Promise<boolean>}
   */
  #answer(title, text, label) {
    setText(byId('ask-title'), title)
    setText(byId('ask-text'), text)
    setText(byId('ask-progress'), '')
    setText(this.#go, label)
    setText(this.#cancel, 'Cancel')
    this.#go.hidden = false
    this.#dialog.showModal()
    this.#go.focus()
    return this.#choice()
  }

  /** @returns {Promise<boolean>} */
  #choice() {
    return new Promise((resolve) => (this.#choose = resolve))
  }
}
