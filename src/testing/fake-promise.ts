import type { FakeConnection } from './fake-connection.js'

/** Lazy, as Prisma's promises are: what nobody awaits never runs. */
export interface FakePromise extends Promise<unknown> {
  /** Runs it, as a part of a batch (`$transaction([…])`) or on its own. */
  requestTransaction(batch?: FakeConnection): Promise<unknown>
}

export function fakePromise(start: (batch: FakeConnection | undefined) => Promise<unknown>): FakePromise {
  let running: Promise<unknown> | undefined
  const requestTransaction = (batch?: FakeConnection): Promise<unknown> => {
    running ??= start(batch)
    return running
  }
  return new Proxy({ requestTransaction } as FakePromise, {
    get(own, key) {
      if (key === Symbol.toStringTag) return 'PrismaPromise'
      if (key !== 'then' && key !== 'catch' && key !== 'finally') return Reflect.get(own, key)
      return (...handlers: unknown[]): unknown => {
        const promise = requestTransaction()
        return Reflect.apply(promise[key], promise, handlers)
      }
    },
  })
}

export function isFakePromise(value: unknown): value is FakePromise {
  return typeof value === 'object' && value !== null && Reflect.get(value, 'requestTransaction') !== undefined
}
