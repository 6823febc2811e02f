import { type Given, idsIn, textIn } from './input.js'
import type { BacklogAnswer, DeadDetails, DeadRow, Page, Report } from './answers.js'
import type { DashboardDeadMessage, DashboardOptions, DashboardOutbox } from './options.js'
import { Refusal } from './refusal.js'
import { brief, shown } from './shown.js'

const pageSize = 50
/** Milliseconds that an answer about the backlog is good for, however many look. */
const fresh = 2_000

/** What the page asks of the outbox. */
export function outboxApi(outbox: DashboardOutbox, mask: DashboardOptions['mask']) {
  return {
    list: async (given: Given): Promise<Page<DeadRow>> => {
      const after = textIn(given, 'cursor') ?? '0'
      if (!/^\d{1,19}$/.test(after)) throw new Refusal(400, 'Expected `cursor` to be the id of a row')
      const found = await outbox.dead.list({ limit: pageSize + 1, after })
      const items = found.slice(0, pageSize)
      return { items: items.map(rowOf), nextCursor: found.length > pageSize ? (items.at(-1)?.id ?? null) : null }
    },

    get: async (given: Given): Promise<DeadDetails> => {
      const id = textIn(given, 'id') ?? ''
      const [message] = /^\d{1,19}$/.test(id)
        ? await outbox.dead.list({ limit: 1, after: String(BigInt(id) - 1n) })
        : []
      if (message?.id !== id) throw new Refusal(404, 'There is no such dead message')
      const { messageId, messageType: task, key, attempts, lastError } = message
      return { id, messageId, task, key, attempts, lastError, payload: shown(message.payload, { task, id }, mask) }
    },

    retry: (given: Given): Promise<Report> => each(idsIn(given), (id) => outbox.dead.retry(id)),
    discard: (given: Given): Promise<Report> => each(idsIn(given), (id) => outbox.dead.discard(id)),
  }
}

async function each(ids: readonly string[], change: (id: string) => Promise<boolean>): Promise<Report> {
  let done = 0
  for (const id of ids) if (await change(id)) done++
  return { done, reasons: done < ids.length ? { [gone]: ids.length - done } : {}, nextCursor: null }
}

const gone = 'It is not dead any more: somebody has retried or discarded it before.'

function rowOf({ id, messageType, key, attempts, lastError }: DashboardDeadMessage): DeadRow {
  return { id, task: messageType, key, attempts, lastError: brief(lastError) }
}

/** The last answer about the backlog. Nobody waits for the database: who asks starts a new look and gets the last one. */
export class BacklogLook {
  readonly #outbox: DashboardOutbox
  #last: BacklogAnswer = null
  #asked = -Infinity
  #asking = false

  constructor(outbox: DashboardOutbox) {
    this.#outbox = outbox
  }

  get last(): BacklogAnswer {
    if (!this.#asking && performance.now() - this.#asked > fresh) void this.#ask()
    return this.#last
  }

  /** What is known is out of date. */
  forget(): void {
    this.#asked = -Infinity
  }

  async #ask(): Promise<void> {
    this.#asking = true
    this.#asked = performance.now()
    try {
      this.#last = await this.#outbox.backlog()
    } catch (error) {
      this.#last = { error: error instanceof Error ? error.message : String(error) }
    }
    this.#asking = false
  }
}
