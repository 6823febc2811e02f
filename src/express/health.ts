import type { IncomingMessage, ServerResponse } from 'node:http'
import { type AfterCommit, type FailureLog, OptionsError } from '../core/index.js'
import { answerJson } from './json.js'
import { within } from './within.js'

export interface HealthOptions {
  /** From this share of `maxPending` on, in any queue, not ready. @default 0.9 */
  readonly saturation?: number
  /** Milliseconds: not ready while a task has been pending for longer. @default no limit */
  readonly oldestPendingMs?: number
  /** Asked, with a second to answer: not ready where it cannot be reached. @default not asked */
  readonly failureLog?: Pick<FailureLog, 'check'>
}

type Handler<R> = (request: IncomingMessage, response: ServerResponse) => R

export interface Health {
  /** 200 whenever the process answers at all. A restart for any other reason would lose what is pending in memory. */
  readonly live: Handler<void>
  /** 200, or 503 with the reasons for which another process should get the requests. */
  readonly ready: Handler<Promise<void>>
}

const patience = 1_000

/**
 * Handlers for liveness and readiness. Both answer with the saturation and the age of the oldest pending task, as JSON;
 * readiness also with whether the failure log can be reached.
 *
 * @throws OptionsError
 * @example
 * const { live, ready } = health(afterCommit, { failureLog, oldestPendingMs: 60_000 })
 * app.get('/live', live)
 * app.get('/ready', ready)
 */
export function health(afterCommit: Pick<AfterCommit, 'stats'>, options: HealthOptions = {}): Health {
  const { failureLog, oldestPendingMs: oldest = Infinity, saturation: limit = 0.9 } = options
  for (const [name, value] of Object.entries({ oldestPendingMs: oldest, saturation: limit })) {
    if (!(typeof value === 'number' && value > 0)) throw OptionsError.expected(name, 'a positive number', value)
  }

  let checking: Promise<boolean> | undefined
  /** Probes that come while one is being answered share its answer: a store that hangs is not asked ever more often. */
  const reachable = (): Promise<boolean> => {
    checking ??= within(patience, check()).finally(() => (checking = undefined))
    return checking
  }
  const check = async (): Promise<void> => await failureLog?.check?.()

  const load = (): { saturation: number; oldestPendingMs: number } => {
    const { oldestPendingMs, saturation } = afterCommit.stats()
    return { saturation, oldestPendingMs }
  }

  return {
    live(_request, response) {
      answerJson(response, 200, { status: 'live', ...load() })
    },
    async ready(_request, response) {
      const log = failureLog ? await reachable() : undefined
      const now = load()
      const reasons = [
        now.saturation >= limit && 'saturation',
        now.oldestPendingMs > oldest && 'oldestPendingMs',
        log === false && 'failureLog',
      ].filter((reason) => reason !== false)
      const [code, status] = reasons.length === 0 ? [200, 'ready'] : [503, 'not ready']
      answerJson(response, code, { status, reasons, ...now, ...(log !== undefined && { failureLog: log }) })
    },
  }
}
