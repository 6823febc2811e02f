// Everything that code can fail with, however odd. Each is made anew, because some can be used only once.

/** An error of which one property throws when it is read. */
function unreadable(property: 'message' | 'name' | 'stack'): Error {
  return Object.defineProperty(new Error('hidden'), property, {
    get() {
      throw new Error(`the getter of ${property} throws`)
    },
  })
}

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

export const throwables: Readonly<Record<string, () => unknown>> = {
  'an Error': () => new Error('boom'),
  'a TypeError': () => new TypeError('boom'),
  undefined: () => undefined,
  null: () => null,
  'a string': () => 'boom',
  'a symbol': () => Symbol('boom'),
  'a BigInt': () => 1n,
  'an object without a prototype': () => Object.create(null) as object,
  'an object whose toString throws': () => ({
    toString() {
      throw new Error('toString throws')
    },
  }),
  'an error whose message getter throws': () => unreadable('message'),
  'an error whose name getter throws': () => unreadable('name'),
  'an error whose stack getter throws': () => unreadable('stack'),
  'an error that is its own cause': () =>
    Object.assign(new Error('boom'), {
      get cause() {
        return this
      },
    }),
  'an error whose message is no text': () => Object.assign(new Error('boom'), { message: { not: 'a text' } }),
  'a proxy that was revoked': revokedProxy,
}

/** The ways in which a function can fail with something. */
export const failing: Readonly<Record<string, (thrown: unknown) => () => unknown>> = {
  'a synchronous throw': (thrown) => () => {
    throw thrown
  },
  'a rejection': (thrown) => () => Promise.reject(thrown),
  'a later rejection': (thrown) => async () => {
    await new Promise((resolve) => setImmediate(resolve))
    throw thrown
  },
  'a thenable that throws': (thrown) => () =>
    thenable(() => {
      throw thrown
    }),
}

function thenable(then: () => unknown): object {
  return Object.fromEntries(new Map([['then', then]]))
}
