import { EventEmitter } from 'node:events'
import type { RequestHandler } from 'express'
import type { PrismaClient, Transaction } from './database.js'
import { requestId, requests } from './request-context.js'

/** What the app says of itself while it works. The page draws it; where nobody listens it costs nothing. */
export interface Traced {
  /** The Express app has a request; its answer is handed over; its connection was closed before. */
  request: [step: 'begun' | 'answered' | 'cut', requestId: string, status?: number]
  /** BEGIN was answered; the callback has returned, COMMIT follows; COMMIT was answered; it came to nothing. */
  transaction: [step: 'begun' | 'committing' | 'committed' | 'rolled-back', requestId: string | undefined]
  /** A partner is called inside the transaction (rung 0): there is no task that would have events. */
  call: [step: 'started' | 'succeeded' | 'failed', call: TracedCall]
}

export interface TracedCall {
  readonly id: string
  readonly name: string
  readonly requestId: string | undefined
  readonly error?: unknown
}

export const trace = new EventEmitter<Traced>()

export const traceRequests: RequestHandler = (_request, response, next) => {
  const id = requestId()
  trace.emit('request', 'begun', id)
  response.once('finish', () => trace.emit('request', 'answered', id, response.statusCode))
  response.once('close', () => response.writableFinished || trace.emit('request', 'cut', id))
  next()
}

type Transact = <R>(run: (tx: Transaction) => Promise<R>, options?: object) => Promise<R>

/** The same client, whose transactions in the callback form are traced. */
export function traced(client: PrismaClient): PrismaClient {
  return new Proxy(client, {
    get(target, property) {
      const value = Reflect.get(target, property) as unknown
      if (property !== '$transaction') return value
      return (input: unknown, options?: object) =>
        typeof input === 'function'
          ? traceTransaction((value as Transact).bind(target), input as Parameters<Transact>[0], options)
          : Reflect.apply(value as () => unknown, target, [input, options])
    },
  })
}

async function traceTransaction<R>(
  transact: Transact,
  run: (tx: Transaction) => Promise<R>,
  options: object | undefined,
): Promise<R> {
  const id = requests.currentRequestId()
  let begun = false
  try {
    const result = await transact(async (tx) => {
      begun = true
      trace.emit('transaction', 'begun', id)
      const done = await run(tx)
      trace.emit('transaction', 'committing', id)
      return done
    }, options)
    trace.emit('transaction', 'committed', id)
    return result
  } catch (error) {
    if (begun) trace.emit('transaction', 'rolled-back', id)
    throw error
  }
}

/** Runs a call, and says so. */
export async function traceCall(call: TracedCall, run: () => unknown): Promise<unknown> {
  trace.emit('call', 'started', call)
  try {
    const result = await run()
    trace.emit('call', 'succeeded', call)
    return result
  } catch (error) {
    trace.emit('call', 'failed', { ...call, error })
    throw error
  }
}
