import type { Database, Row } from './database.js'
import type { ClaimedMessage } from './message.js'
import { phrasesOf } from './phrases.js'
import { claimOf, type Fanned, type Held, type Source, type Verdict } from './source.js'
import { inStatements } from './statements.js'
import { inTransactions } from './transactions.js'

export interface PollingSettings {
  readonly database: Database
  /** Milliseconds. */
  readonly lease: number
  /** The names of the tasks that this process knows. */
  readonly types: readonly string[]
  /** Whether what is behind a dead message of its key waits. */
  readonly deadBlocks: boolean
  /** Whether a message that was handled stays in the table. */
  readonly keep: boolean
}

/** Messages from the table. The text of its statements never changes, and no clock but the database's decides. */
export function pollingSource(settings: PollingSettings): Source {
  const { database } = settings
  const isSqlite = database.provider === 'sqlite'
  const phrases = phrasesOf(settings)
  const { finish, now } = phrases.sql
  const types = JSON.stringify(settings.types)
  const steps = (database.provider === 'mysql' ? inTransactions : inStatements)({ ...settings, phrases, types })
  const any = (where: string): string => finish(`SELECT 1 AS "one" FROM "OutboxMessage" AS m WHERE ${where} LIMIT 1`)
  const anyExpired = any(phrases.expired)
  const anyDue = any(`m."status" = 'pending' AND m."availableAt" <= ${now}`)
  /** By performance.now(): until then, claims look at the beginning of what waits. */
  let allAt = 0
  return {
    async claim(limit) {
      // There a claim that finds nothing would still wait for whoever writes, and make others wait.
      if (isSqlite && (await database.query(anyDue)).length === 0) return []
      const at = performance.now()
      const rows = await (at < allAt ? steps.claimLongest(limit) : steps.claim(limit))
      const end = performance.now()
      // Too few: it has looked at all that waits, behind others of its key, and that is not to be all that the database does.
      if (at >= allAt && rows.length < limit) allAt = end + 10 * (end - at)
      return rows.map((row) => messageOf(row, false)).toSorted(inOrder)
    },
    hasSuspects: async () => (await database.query(anyExpired, types)).length > 0,
    async claimSuspect() {
      const [row] = await steps.claimSuspect(1)
      return row && messageOf(row, true)
    },
    complete: (all: readonly Held[]) => claimsIn(steps.complete(JSON.stringify(all))),
    fanOut(all: readonly Fanned[]) {
      let place = 0
      const messages = all.flatMap(({ messages: own, heldId, heldToken }) =>
        own.map((message) => Object.assign({ heldId, heldToken, place: place++ }, message)),
      )
      return claimsIn(steps.fanOut(JSON.stringify(all.map(heldOf)), JSON.stringify(messages)))
    },
    putBack: (all: readonly Verdict[]) => claimsIn(steps.putBack(JSON.stringify(all))),
    renew: (all: readonly Held[]) => claimsIn(steps.renew(JSON.stringify(all))),
  }
}

const heldOf = ({ heldId, heldToken }: Held): Held => ({ heldId, heldToken })

const claimsIn = async (answer: Promise<readonly Row[]>): Promise<ReadonlySet<string>> =>
  new Set((await answer).map(({ id, token }) => claimOf({ heldId: String(id), heldToken: Number(token) })))

interface Ordered extends ClaimedMessage {
  readonly availableAt: number
}

function messageOf(row: Row, suspect: boolean): Ordered {
  const { id, availableAt, token, attempts, ...rest } = row
  const due = availableAt instanceof Date ? availableAt.getTime() : Date.parse(availableAt as string)
  const own = { id: String(id), token: Number(token), attempts: Number(attempts), suspect, availableAt: due }
  return { ...(rest as unknown as ClaimedMessage), ...own }
}

/** No UPDATE answers in an order that it promises. */
function inOrder(a: Ordered, b: Ordered): number {
  return a.availableAt - b.availableAt || a.id.length - b.id.length || (a.id < b.id ? -1 : 1)
}
