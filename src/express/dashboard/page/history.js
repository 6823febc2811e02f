// The points of the charts as far as the page knows them.

/** @typedef {import('../answers.js').State} State */
/** @typedef {import('../activity.js').Point} Point */
/** @typedef {import('./charts.js').Series} Series */

export class History {
  /** @type {Map<string, Map<number, Point>>} */
  #tasks = new Map()
  #since = 0
  #boot = ''
  #at = 0
  #first = 0
  #most = 0
  #length = 1

  /** The first point that may still change, or is not known. */
  get from() {
    return this.#at === 0 ? 0 : this.#at - 1
  }

  /** @param {State} state */
  add({ process, since, at, point, tasks }) {
    // Another process, or one that has not been looked at for a while, begins anew.
    if (process.boot !== this.#boot || since !== this.#since) this.#tasks.clear()
    this.#boot = process.boot
    this.#since = since
    this.#at = at
    this.#most = point.count
    this.#length = point.length
    this.#first = Math.floor(since / point.length)
    for (const { name, points } of tasks) {
      const known = this.#tasks.get(name) ?? new Map()
      for (const each of points) known.set(each[0], each)
      this.#tasks.set(name, known)
    }
    for (const [name, points] of this.#tasks) {
      for (const each of points.keys()) if (each <= at - point.count) points.delete(each)
      if (points.size === 0) this.#tasks.delete(name)
    }
  }

  /** @param {string} name @returns {Series} */
  of(name) {
    return this.#series(this.#tasks.get(name) ?? new Map())
  }

  /** All tasks together; how long they took is not told. @returns {Series} */
  get total() {
    /** @type {Map<number, Point>} */
    const sums = new Map()
    for (const points of this.#tasks.values()) {
      for (const [at, succeeded, failed] of points.values()) {
        const [, others = 0, otherFailed = 0] = sums.get(at) ?? []
        sums.set(at, [at, others + succeeded, otherFailed + failed, null, null])
      }
    }
    return this.#series(sums)
  }

  /**
   * Attempts a second in the last ten seconds that are over, or since somebody looks.
   *
   * @param {Series} series
   */
  rate({ points }) {
    const places = Math.min(5, this.#at - this.#first)
    let sum = 0
    for (let place = 1; place <= places; place++) sum += attemptsIn(points.get(this.#at - place))
    return places === 0 ? 0 : (sum * 1_000) / (places * this.#length)
  }

  /** The most attempts in one point. @param {Series} series */
  highest({ points }) {
    return Math.max(0, ...Array.from(points.values(), attemptsIn))
  }

  /** @param {number} attempts of one point */
  perSecond(attempts) {
    return (attempts * 1_000) / this.#length
  }

  /** @param {Map<number, Point>} points @returns {Series} */
  #series(points) {
    // Without the point that is not over yet: it would look like a slump.
    return { points, first: this.#first, at: this.#at - 1, count: this.count }
  }

  /** Points that a chart has room for: a minute at first, then more and more. */
  get count() {
    return Math.min(this.#most, Math.max(this.#at - this.#first, 60_000 / this.#length))
  }

  get minutes() {
    return Math.round((this.count * this.#length) / 60_000)
  }
}

/** @param {Point | undefined} point */
const attemptsIn = (point) => (point ? point[1] + point[2] : 0)
