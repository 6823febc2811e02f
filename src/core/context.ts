import { AsyncLocalStorage, AsyncResource, executionAsyncId } from 'node:async_hooks'

/** The caller's async context, kept for later. */
export interface CapturedContext {
  /**
   * Calls `fn(given)` in the captured context, with `value` as what the carrier's `get()` answers, and returns what it returns.
   * `given` is there so that no closure is made for each of many calls.
   */
  run<R>(value: unknown, fn: () => R): R
  run<R, A>(value: unknown, fn: (given: A) => R, given: A): R
  /** Called once when nothing will run in it any more. */
  release(): void
}

/** Carries the open transaction along the async call chain, and each task back into the context of its registration. */
export interface ContextCarrier {
  /** Runs `fn` with `value` as what `get()` answers in it and in everything that it calls or schedules. */
  run<R>(value: unknown, fn: () => R): R
  get(): unknown
  capture(): CapturedContext
}

/** The default carrier. One storage per instance, so that two instances never see each other's transactions. */
export function asyncLocalStorageCarrier(): ContextCarrier {
  const storage = new AsyncLocalStorage<unknown>()
  const enter = (value: unknown, fn: (given?: unknown) => unknown, given: unknown): unknown => {
    // Not `run`, which copies all contexts twice on Node 24; the scope of the resource is left in any case.
    storage.enterWith(value)
    return fn(given)
  }
  /**
   * An AsyncResource, and not AsyncLocalStorage.snapshot(): it is some thirty times cheaper, and it also takes along the
   * contexts of storages that are not ours, which is what the application's own request context is.
   */
  class Captured extends AsyncResource implements CapturedContext {
    constructor() {
      // What Node itself would take, but as a small integer, which needs no memory of its own.
      super('after-commit', { requireManualDestroy: true, triggerAsyncId: small(executionAsyncId()) })
    }

    run<R>(value: unknown, fn: (given?: unknown) => R, given?: unknown): R {
      return this.runInAsyncScope(enter, undefined, value, fn, given) as R
    }

    release(): void {
      this.emitDestroy()
    }
  }
  return {
    run: (value, fn) => storage.run(value, fn),
    get: () => storage.getStore(),
    capture: () => new Captured(),
  }
}

/** Up to 2³¹ V8 can keep a number where the pointer to it would be; one that came from elsewhere it does not look at again. */
export const small = (number: number): number => (number === (number | 0) ? number | 0 : number)
