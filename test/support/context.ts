// What carries the context in the tests: AsyncLocalStorage, or cls-hooked with CONTEXT=cls-hooked in the environment.
import { AsyncLocalStorage } from 'node:async_hooks'
import { createNamespace } from 'cls-hooked'
import { clsHooked } from '../../src/context/cls-hooked.js'
import type { AfterCommitOptions } from '../../src/index.js'

export type Carrier = 'AsyncLocalStorage' | 'cls-hooked'

const asked = process.env['CONTEXT'] ?? 'AsyncLocalStorage'
if (asked !== 'AsyncLocalStorage' && asked !== 'cls-hooked') throw new Error(`There is no carrier CONTEXT=${asked}`)
export const carrier: Carrier = asked

// Only when it is asked for: a namespace makes every promise of the process dearer.
const namespace = carrier === 'cls-hooked' ? createNamespace<Record<string, unknown>>('tests') : undefined

/** The option `context` of a new instance: the default, or a carrier of its own in the one namespace of the process. */
export function contextOptions(): Pick<AfterCommitOptions, 'context'> {
  return namespace ? { context: clsHooked(namespace) } : {}
}

/** The context of an application: a value for each request. */
export interface RequestContext<T> {
  run<R>(value: T, fn: () => R): R
  getStore(): T | undefined
}

let made = 0

/** What the application under test keeps its requests in: an AsyncLocalStorage, or a key of the namespace. */
export function requestContext<T>(): RequestContext<T> {
  if (!namespace) return new AsyncLocalStorage<T>()
  const key = `request ${++made}`
  return {
    run: (value, fn) =>
      namespace.runAndReturn(() => {
        namespace.set(key, value)
        return fn()
      }),
    getStore: () => namespace.get(key) as T | undefined,
  }
}
