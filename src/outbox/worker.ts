import { CapturedContext } from '../core/context.js'
import { Deadlines } from '../core/deadlines.js'
import { taskFields } from '../core/logging.js'
import { Delivery, type DeliverySettings } from './delivery.js'
import { afterFailure, deadSuspect, givenBack, maxAttemptsOf } from './judgement.js'
import type { ClaimedMessage } from './message.js'
import { Leases } from './leases.js'
import { type Outcome, Outcomes } from './outcomes.js'
import { counters, type RelayStats } from './relay-stats.js'
import { report } from './report.js'
import { Rhythm } from './rhythm.js'
import type { WorkerSettings } from './worker-settings.js'
import { keepHouse } from './retention.js'

/** Milliseconds that the last results may take at the end. */
const patience = 5_000

/** Claims, handles, and writes down what became of it, until it is stopped. */
export class Worker {
  readonly #settings: WorkerSettings
  readonly #counts = { ...counters }
  readonly #abandoned = new Set<object>()
  readonly #outcomes: Outcomes
  readonly #rhythm: Rhythm
  readonly #deliveries: DeliverySettings
  /** That of the relay's construction: what happens in it belongs to no request. */
  readonly #home: CapturedContext
  /** Claimed, and not written yet. */
  readonly #leases: Leases
  #waiting: Delivery[] = []
  readonly #running = new Map<Delivery, (() => void) | undefined>()
  /** A suspect is handled, or waits for the others to end: nothing else starts. */
  #alone = false
  #starting = false
  #stopping = false
  #loop: Promise<void> | undefined
  #stopped: Promise<RelayStats> | undefined
  #unlisten: (() => void) | undefined
  #timers: NodeJS.Timeout[] = []

  constructor(settings: WorkerSettings) {
    const { source, events, logger, abortGrace, timeout, context, queues } = settings
    this.#settings = settings
    this.#home = context.capture(CapturedContext)
    const attempts = { abortGrace, events, logger, deadlines: new Deadlines(this.#home), abandoned: this.#abandoned }
    this.#deliveries = { queues, context, attempts, timeout }
    this.#rhythm = new Rhythm(settings)
    this.#leases = new Leases({
      ...settings,
      onLost: (delivery) => this.#lose(delivery),
      onError: (error) => this.#onError(error, 'renew leases'),
    })
    this.#outcomes = new Outcomes({
      source,
      onWritten: (outcome) => this.#onWritten(outcome),
      onStale: ({ delivery }) => this.#onStale(delivery),
      onError: (error) => this.#onError(error, 'write results'),
    })
  }

  /** @param onWake Takes a listener that is called when there are new messages, and answers what takes it away. */
  async start(onWake: (listener: () => void) => () => void): Promise<void> {
    if (this.#loop) return
    await this.#settings.source.hasSuspects()
    const { lease } = this.#settings
    this.#unlisten = onWake(() => this.#rhythm.nudge())
    this.#timers = [
      setInterval(() => void this.#leases.renew(), lease / 3),
      keepHouse({
        ...this.#settings,
        types: [...this.#settings.tasks.keys()],
        isOver: () => this.#stopping,
        onDead: (count) => void (this.#counts.dead += count),
        onError: (error) => this.#onError(error, 'tidy up'),
      }),
    ]
    this.#loop = this.#home.runInAsyncScope(() => this.#go())
  }

  stop(grace: number): Promise<RelayStats> {
    return (this.#stopped ??= this.#stop(grace))
  }

  stats(): RelayStats {
    const gauges = { waiting: this.#waiting.length, running: this.#running.size, unwritten: this.#outcomes.size }
    return { ...this.#counts, ...gauges, abandoned: this.#abandoned.size }
  }

  async #go(): Promise<void> {
    const { source } = this.#settings
    while (!this.#stopping) {
      try {
        const inFlight = this.#waiting.length + this.#running.size
        const room = this.#rhythm.claimIsDue ? this.#rhythm.room(inFlight, this.#outcomes.size) : 0
        const at = performance.now()
        const found = room > 0 && !this.#stopping ? await source.claim(room) : []
        this.#rhythm.claimed(found.length, room)
        this.#take(found, at)
        // After the claim: who was woken by a new message does not wait for this.
        if (this.#rhythm.suspectsAreDue && (await source.hasSuspects())) await this.#handleSuspects()
      } catch (error) {
        this.#onError(error, 'claim messages')
        this.#rhythm.failed()
      }
      await this.#rhythm.pause(() => this.#stopping)
    }
  }

  #take(messages: readonly ClaimedMessage[], at: number): void {
    for (const message of messages) {
      const delivery = this.#deliveryOf(message, at)
      if (delivery) this.#waiting.push(delivery)
    }
    this.#startWaiting()
  }

  #deliveryOf(message: ClaimedMessage, at: number): Delivery | undefined {
    const task = this.#settings.tasks.get(message.messageType)
    if (!task) return undefined // MariaDB may take another spelling for the same: its lease runs out
    this.#counts.claimed++
    const delivery = new Delivery(message, task, at + this.#settings.lease, this.#deliveries)
    this.#leases.held.add(delivery)
    return delivery
  }

  #startWaiting(): void {
    if (this.#starting) return
    this.#starting = true
    while (this.#running.size < this.#settings.concurrency && !this.#alone && !this.#stopping) {
      const delivery = this.#waiting.shift()
      if (!delivery) break
      if (delivery.state !== 'claimed') continue
      if (performance.now() < delivery.leasedUntil) this.#start(delivery)
      else {
        // This process stood still, and somebody else may have it by now: the database knows.
        this.#waiting.unshift(delivery)
        void this.#leases.renew().then(() => this.#startWaiting())
        break
      }
    }
    this.#starting = false
  }

  /** @param onOver Called when it is not running any more, for whatever reason. */
  #start(delivery: Delivery, onOver?: () => void): void {
    const at = performance.now()
    this.#running.set(delivery, onOver)
    delivery.start((_, failure) => {
      this.#rhythm.handled(performance.now() - at)
      this.#outcomes.add(failure ? afterFailure(delivery, failure.error, this.#settings) : { delivery })
      this.#isOver(delivery)
    })
  }

  /** One after the other, and nothing beside them: what ends this process is then known to be the one. */
  async #handleSuspects(): Promise<void> {
    const { source, maxAttempts } = this.#settings
    this.#alone = true
    try {
      while (this.#running.size > 0 && !this.#stopping) await this.#rhythm.nextEnd()
      for (;;) {
        const at = performance.now()
        const message = this.#stopping ? undefined : await source.claimSuspect()
        const delivery = message && this.#deliveryOf(message, at)
        if (!delivery) return
        this.#counts.suspects++
        if (delivery.attempts > maxAttemptsOf(delivery, maxAttempts)) {
          this.#outcomes.add(deadSuspect(delivery))
        } else await new Promise<void>((resolve) => this.#start(delivery, resolve))
        await this.#outcomes.idle()
      }
    } finally {
      this.#alone = false
      this.#startWaiting()
    }
  }

  #onWritten(outcome: Outcome): void {
    const { delivery, verdict } = outcome
    this.#leases.held.delete(delivery)
    // The next one of its key can be claimed now, and what it was for.
    if (delivery.message.key !== null || delivery.isEvent) this.#rhythm.nudge()
    if (verdict?.failed === 1 && verdict.newStatus === 'pending') this.#rhythm.dueIn(verdict.delay)
    this.#counts[report(outcome, this.#settings)]++
  }

  #onStale(delivery: Delivery): void {
    this.#leases.held.delete(delivery)
    if (delivery.state === 'lost') return
    this.#counts.stale++
    delivery.state = 'lost'
    delivery.task.emitDestroy()
    const message = 'message lost to another relay: the lease had run out, so what became of it here does not count'
    this.#settings.logger.warn(taskFields(delivery.task), message)
  }

  #lose(delivery: Delivery): void {
    const wasRunning = delivery.state === 'running'
    this.#onStale(delivery)
    if (!wasRunning) return
    delivery.giveUp(new Error('Another relay has taken the message over'))
    this.#isOver(delivery)
  }

  #isOver(delivery: Delivery): void {
    const onOver = this.#running.get(delivery)
    this.#running.delete(delivery)
    this.#rhythm.ended()
    onOver?.()
    this.#startWaiting()
  }

  async #stop(grace: number): Promise<RelayStats> {
    this.#stopping = true
    this.#unlisten?.()
    this.#rhythm.interrupt()
    this.#giveBack(this.#waiting.splice(0).filter(({ state }) => state === 'claimed'))
    const deadline = performance.now() + grace
    const timer = setTimeout(() => this.#rhythm.interrupt(), grace + 1)
    while (this.#running.size > 0 && performance.now() < deadline) await this.#rhythm.nextEnd()
    clearTimeout(timer)
    for (const [delivery] of this.#running) {
      this.#counts.interrupted++
      delivery.giveUp(new Error('The relay was stopped and its grace period is over'))
      this.#giveBack([delivery])
      this.#isOver(delivery)
    }
    await this.#loop
    this.#giveBack(this.#waiting.splice(0)) // of a claim that was under way
    await this.#outcomes.flush(patience)
    for (const each of this.#timers) clearInterval(each)
    return this.stats()
  }

  #giveBack(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) this.#outcomes.add(givenBack(delivery))
  }

  #onError(error: unknown, what: string): void {
    this.#counts.errors++
    this.#settings.logger.warn({ err: error }, `the relay could not ${what}, and will try again`)
  }
}
