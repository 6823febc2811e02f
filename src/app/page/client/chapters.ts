// What the button of each step does. What it says is in texts/.
import { type PartnerKnobs, type PartnerOfShop, type Rung, partners } from '../events.js'
import type { Api } from './api.js'
import type { Live } from './live.js'
import type { Alignment } from './scale.js'

export interface ChapterAction {
  /** The rung that is chosen when the step is opened. */
  readonly rung: Rung
  readonly alignment: Alignment
  /** Rungs whose process should be ready. */
  readonly needs: readonly Rung[]
  run(stage: Stage): Promise<void>
}

export interface Stage {
  readonly api: Api
  readonly live: Live
}

const well: PartnerKnobs = { latency: 20, failureRate: 0, down: false }

/** Sets all partners: as told, or well. */
export async function set({ api }: Stage, knobs: Partial<Record<PartnerOfShop, Partial<PartnerKnobs>>> = {}) {
  await Promise.all(partners.map((name) => api.partner(name, { ...well, ...knobs[name] })))
}

const ready = ({ api }: Stage, ...rungs: readonly Rung[]): Promise<unknown> =>
  Promise.all(rungs.map((rung) => api.process(rung, 'A', 'start')))

/** Sends, waits until all are answered, and kills the process while their tasks are under way. */
async function sendAndKill(stage: Stage, rung: Rung): Promise<void> {
  const { api, live } = stage
  await ready(stage, rung)
  await set(stage, { points: { latency: 4_000 } })
  await api.burst(20, rung)
  await api.process(rung, 'A', 'kill')
  await set(stage, { points: { latency: 200 } })
  await live.until(() => isSettled(live, rung))
}

/** Nothing is on its way any more, and the books are up to date. */
function isSettled(live: Live, rung: Rung): boolean {
  const books = live.books[rung]
  return books !== undefined && books.owed > 0 && books.inMemory === 0 && books.stored === 0
}

export const chapterActions: readonly ChapterAction[] = [
  {
    rung: 'inside',
    alignment: 'click',
    needs: ['inside', 'after'],
    async run(stage) {
      await ready(stage, 'inside', 'after')
      await set(stage, { points: { latency: 1_500 } })
      await Promise.all([stage.api.send('login', 'inside'), stage.api.send('login', 'after')])
      await stage.live.until(() => isSettled(stage.live, 'after') && isSettled(stage.live, 'inside'))
    },
  },
  {
    rung: 'after',
    alignment: 'clock',
    needs: ['after'],
    async run(stage) {
      await ready(stage, 'after')
      await set(stage, { points: { latency: 800 } })
      await stage.api.burst(24, 'after')
      await stage.live.until(() => isSettled(stage.live, 'after'))
    },
  },
  {
    rung: 'after',
    alignment: 'click',
    needs: ['inside', 'after'],
    async run(stage) {
      const { api, live } = stage
      await ready(stage, 'inside', 'after')
      await set(stage, { points: { failureRate: 1 } })
      const before = { failed: live.books.after?.failed ?? 0, forNothing: live.books.inside?.forNothing ?? 0 }
      await api.send('login', 'after')
      await api.send('soldOut', 'inside')
      await api.send('soldOut', 'after')
      await live.until(
        () =>
          (live.books.after?.failed ?? 0) > before.failed && (live.books.inside?.forNothing ?? 0) > before.forNothing,
      )
    },
  },
  { rung: 'after', alignment: 'clock', needs: ['after'], run: (stage) => sendAndKill(stage, 'after') },
  { rung: 'outbox', alignment: 'clock', needs: ['outbox'], run: (stage) => sendAndKill(stage, 'outbox') },
  {
    rung: 'outbox',
    alignment: 'clock',
    needs: ['outbox'],
    async run(stage) {
      await ready(stage, 'outbox')
      await stage.api.process('outbox', 'B', 'start')
      await set(stage, { points: { latency: 1_000 } })
      await stage.api.burst(24, 'outbox')
      await stage.live.until(() => isSettled(stage.live, 'outbox'))
    },
  },
  {
    rung: 'after',
    alignment: 'clock',
    needs: ['after'],
    async run(stage) {
      const { api, live } = stage
      await ready(stage, 'after')
      await set(stage, { points: { down: true } })
      const before = live.books.after?.failed ?? 0
      await api.burst(3, 'after')
      await live.until(() => (live.books.after?.failed ?? 0) >= before + 3)
      await set(stage)
      await api.retryFailures('after')
      await live.until(() => live.books.after?.failed === 0 && live.books.after.inMemory === 0)
    },
  },
]
