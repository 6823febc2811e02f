// What the page asks the server, and how often.

/** @typedef {import('../answers.js').State} State */
/** @typedef {import('../answers.js').Report} Report */

/** The server has answered, and what it says is no. */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message)
    this.status = status
  }
}

/** Milliseconds between two looks at the state; it is the second number after a while in which nobody has answered. */
const pauses = { least: 1_000, most: 5_000 }

export class Server {
  #token = ''

  /**
   * @template Answer
   * @param {string} path
   * @param {Record<string, string | number | undefined>} [query]
   * @returns {Promise<Answer>}
   */
  read(path, query = {}) {
    const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '')
    const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()
    return ask(text === '' ? path : `${path}?${text}`, { signal: AbortSignal.timeout(10_000) })
  }

  /**
   * @param {string} path
   * @param {object} body
   * @returns {Promise<Report>}
   */
  change(path, body) {
    const headers = { 'content-type': 'application/json', 'x-after-commit-token': this.#token }
    return ask(path, { method: 'POST', headers, body: JSON.stringify(body) })
  }

  /**
   * Asks for the state again and again while the page can be seen, more seldom while nobody answers.
   *
   * @param {object} on
   * @param {() => number} on.from the number of the first point of the charts that is not known yet
   * @param {(state: State) => void} on.state
   * @param {(error: Error) => void} on.gone
   */
  async follow({ from, state, gone }) {
    let pause = pauses.least
    for (;;) {
      try {
        const answer = /** @type {State} */ (await this.read('api/state', { from: from() }))
        this.#token = answer.token ?? ''
        state(answer)
        pause = pauses.least
      } catch (error) {
        gone(/** @type {Error} */ (error))
        pause = Math.min(2 * pause, pauses.most)
      }
      await whenSeen(pause)
    }
  }
}

/**
 * @param {string} path
 * @param {RequestInit} options
 */
async function ask(path, options) {
  let response
  try {
    response = await fetch(path, options)
  } catch (cause) {
    throw new Error('The server does not answer', { cause })
  }
  const isJson = response.headers.get('content-type')?.includes('json') ?? false
  const answer = isJson ? await response.json() : {}
  // A page for signing in, after a redirect, is no answer.
  if (response.ok && isJson) return answer
  throw new Refused(response.status, String(answer.error ?? `The server answers ${response.status}`))
}

/**
 * Resolves after a while, or as soon as the page can be seen again or is online again; not while it is hidden.
 *
 * @param {number} ms
 * @returns {Promise<void>}
 */
function whenSeen(ms) {
  return new Promise((resolve) => {
    const look = () => {
      if (document.hidden) return
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', look)
      window.removeEventListener('online', look)
      resolve()
    }
    const timer = setTimeout(look, ms)
    document.addEventListener('visibilitychange', look)
    window.addEventListener('online', look)
  })
}
