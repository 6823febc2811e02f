import type { IncomingMessage } from 'node:http'
import {
  type AfterCommit,
  type AfterCommitEventName,
  type AfterCommitListener,
  OptionsError,
} from '../../core/index.js'

export interface DashboardOptions {
  /**
   * Asked for every request, the page's own files included. Only an answer of `true` lets it in; `false` is 403, and what it throws
   * goes to the error middleware. Annotate the parameter as the request of your framework to reach its session.
   */
  authorize?(this: void, request: IncomingMessage): boolean | Promise<boolean>
  /** Instead of `authorize`: whoever reaches the address reads payloads and retries tasks. For a machine of your own. @default false */
  readonly unsafe?: boolean
  /** Given each payload that is about to be shown, answers what is shown instead: take secrets out here. @default the payload itself */
  mask?(this: void, payload: unknown, about: Masked): unknown
  /** What `createOutbox` returned: shows its backlog and its dead messages. @default none */
  readonly outbox?: DashboardOutbox
  /** What `createRelay` returned, where it runs in this process: its numbers, and its tasks among the others. @default none */
  readonly relay?: DashboardRelay
}

/** Whose payload `mask` is given. */
export interface Masked {
  /** The name of the task. */
  readonly task: string
  /** The id of the failure, or of the outbox's row. */
  readonly id: string
}

/** What the dashboard calls of an instance. */
export type DashboardSource = Pick<AfterCommit, 'stats' | 'queues' | 'failures' | 'on'>

export interface DashboardOutbox {
  readonly dead: {
    list(page?: { readonly limit?: number; readonly after?: string }): Promise<readonly DashboardDeadMessage[]>
    retry(id: string): Promise<boolean>
    discard(id: string): Promise<boolean>
  }
  backlog(): Promise<DashboardBacklog>
}

export interface DashboardBacklog {
  readonly pending: number
  readonly processing: number
  readonly dead: number
  /** Milliseconds. */
  readonly oldestPendingMs: number
}

export interface DashboardDeadMessage {
  readonly id: string
  readonly messageId: string
  readonly messageType: string
  readonly key: string | null
  readonly payload: string
  readonly attempts: number
  readonly lastError: string | null
}

export interface DashboardRelay {
  stats(): object
  on<N extends AfterCommitEventName>(event: N, listener: AfterCommitListener<N>): () => void
}

/** @throws OptionsError */
export function validateDashboard(afterCommit: unknown, options: DashboardOptions): void {
  const { authorize, unsafe, mask, outbox, relay, ...unknown } = options
  const [name] = Object.keys(unknown)
  if (name !== undefined) {
    throw new OptionsError(`Unknown option \`${name}\`: there are authorize, unsafe, mask, outbox and relay`)
  }
  if (!has(afterCommit, 'stats', 'queues', 'on')) {
    throw OptionsError.expected('afterCommit', 'what createAfterCommit returned', afterCommit)
  }
  if (unsafe !== undefined && typeof unsafe !== 'boolean') {
    throw OptionsError.expected('unsafe', 'a boolean', unsafe)
  }
  if (unsafe === true && authorize !== undefined) {
    throw OptionsError.expected('unsafe', 'left out where there is `authorize`', unsafe)
  }
  if (unsafe !== true && typeof authorize !== 'function') {
    throw OptionsError.expected(
      'authorize',
      'a function that answers whether a request may see the dashboard (or write `unsafe: true`)',
      authorize,
    )
  }
  if (mask !== undefined && typeof mask !== 'function') throw OptionsError.expected('mask', 'a function', mask)
  if (outbox !== undefined && !(has(outbox, 'backlog') && has(outbox.dead, 'list', 'retry', 'discard'))) {
    throw OptionsError.expected('outbox', 'what createOutbox returned', outbox)
  }
  if (relay !== undefined && !has(relay, 'stats', 'on')) {
    throw OptionsError.expected('relay', 'what createRelay returned', relay)
  }
}

function has(value: unknown, ...methods: string[]): boolean {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function'
  return isObject && methods.every((name) => typeof Reflect.get(value, name) === 'function')
}
