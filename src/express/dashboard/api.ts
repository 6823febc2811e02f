import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { point } from './activity.js'
import type { State } from './answers.js'
import { failuresApi } from './failures.js'
import type { Given } from './input.js'
import type { DashboardOptions, DashboardSource } from './options.js'
import { BacklogLook, outboxApi } from './outbox.js'
import { isOurs, Refusal } from './refusal.js'
import { Retries } from './retries.js'
import { Watch } from './watch.js'

type Answer = (given: Given) => object | Promise<object>

/** What the page can ask for by GET, and what it can do by POST; by the path. */
export interface Api {
  readonly reads: ReadonlyMap<string, Answer>
  readonly changes: ReadonlyMap<string, Answer>
}

export function apiOf(afterCommit: DashboardSource, { outbox, relay, mask }: DashboardOptions): Api {
  const retries = new Retries()
  const watch = new Watch({ sources: relay ? [afterCommit, relay] : [afterCommit] })
  const failures = failuresApi({ failures: afterCommit.failures, retries, mask })
  const self = { boot: randomUUID(), host: hostname(), pid: process.pid }
  const look = outbox && new BacklogLook(outbox)

  const state = ({ from }: Given): State => {
    const stats = afterCommit.stats()
    return {
      process: { ...self, uptime: process.uptime() * 1_000 },
      now: Date.now(),
      point,
      ...watch.look(Number(from ?? 0) || 0),
      stats,
      queues: afterCommit.queues(),
      retries: retries.all,
      changes: stats.failed + stats.rejected + stats.interrupted + stats.unknown + retries.changes,
      outbox: look
        ? { backlog: look.last, relay: (relay?.stats() as Record<string, number> | undefined) ?? null }
        : null,
    }
  }

  const reads = new Map<string, Answer>([
    ['api/state', state],
    ['api/failures', failures.list],
    ['api/failure', failures.get],
  ])
  const changes = new Map<string, Answer>([
    ['api/failures/retry', failures.retry],
    ['api/failures/resolve', failures.resolve],
    ['api/failures/retry-all', failures.retryAll],
    ['api/failures/resolve-all', failures.resolveAll],
  ])
  if (outbox) {
    const dead = outboxApi(outbox, mask)
    const andForget =
      (change: Answer): Answer =>
      async (given) => {
        const report = await change(given)
        look?.forget()
        return report
      }
    reads.set('api/dead', dead.list).set('api/dead-message', dead.get)
    changes.set('api/dead/retry', andForget(dead.retry)).set('api/dead/discard', andForget(dead.discard))
  }
  return { reads: guarded(reads), changes: guarded(changes) }
}

/** A store that is down is no fault of the application: the page says what it said. */
function guarded(answers: ReadonlyMap<string, Answer>): ReadonlyMap<string, Answer> {
  const guard =
    (answer: Answer): Answer =>
    async (given) => {
      try {
        return await answer(given)
      } catch (error) {
        if (error instanceof Refusal || (isOurs(error) && error.code === 'ERR_OPTIONS')) throw error
        throw new Refusal(502, `The store does not answer: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  return new Map(Array.from(answers, ([path, answer]) => [path, guard(answer)]))
}
