import { AsyncLocalStorage, AsyncResource, executionAsyncId } from 'node:async_hooks'

/** Carries the open transaction along the async call chain, and each task back into the context of its registration. */
export interface ContextCarrier {
  /** Runs `fn` with `value` as what `get()` answers in it and in everything that it calls or schedules. */
  run<R>(value: unknown, fn: () => R): R
  get(): unknown
  /** Constructs a `CapturedContext` of `parts`: it captures the caller's context, and what is set in it stays in it. */
  capture<C extends CapturedContext, P extends unknown[]>(captured: new (...parts: P) => C, ...parts: P): C
  /** What `run` does, at the beginning of an AsyncResource's scope, which ends with it. @param given Saves a closure for each call. */
  enter<R, A>(this: void, value: unknown, fn: (given: A) => R, given: A): R
}

/**
 * The caller's async context, kept for later.
 *
 * An AsyncResource, and not AsyncLocalStorage.snapshot(): it is some thirty times cheaper, and it also takes along the contexts of
 * storages that are not ours, which is what the application's own request context is. To be extended by what it is kept for, since
 * what the collector of the garbage of a burst has to do goes by the number of objects.
 */
export class CapturedContext extends AsyncResource {
  constructor() {
    // What Node itself would take, but as a small integer, which needs no memory of its own.
    super('after-commit', { requireManualDestroy: true, triggerAsyncId: small(executionAsyncId()) })
  }
}

/** The default carrier. One storage per instance, so that two instances never see each other's transactions. */
export function asyncLocalStorageCarrier(): ContextCarrier {
  const storage = new AsyncLocalStorage<unknown>()
  // On Node 20 a resource has a field for each storage that has been in use, and V8 plans all tasks by the first few.
  new CapturedContext().runInAsyncScope(() => storage.enterWith(undefined))
  return {
    run: (value, fn) => storage.run(value, fn),
    get: () => storage.getStore(),
    capture: (captured, ...parts) => new captured(...parts),
    // Not `run`, which copies all contexts twice on Node 24.
    enter: (value, fn, given) => (storage.enterWith(value), fn(given)),
  }
}

/** Up to 2³¹ V8 can keep a number where the pointer to it would be; one that came from elsewhere it does not look at again. */
export const small = (number: number): number => (number === (number | 0) ? number | 0 : number)
