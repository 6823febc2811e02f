// The module of a task with `thread: true`: does what its payload says, at the attempts up to `until`.
import { isMainThread, threadId } from 'node:worker_threads'
import { AbortError } from 'p-retry'

class PaymentError extends Error {
  name = 'PaymentError'
  code = 'ERR_PAYMENT'
}

const never = () => new Promise(() => undefined)

const acts = {
  succeed: () => undefined,
  tell: (payload, { id, name, attempt, log }) =>
    log.info({ id, name, n: attempt, isMainThread, threadId, payload }, 'told'),
  log(_payload, { log }) {
    log.debug({ a: 1 }, 'one')
    const child = log.child({ of: 'child' })
    child.warn({ err: new PaymentError('declined'), what: () => 'a function', text: 'text' }, 'two')
    log.fatal({}, 'three')
  },
  throw() {
    throw new PaymentError('declined', { cause: new RangeError('too much') })
  },
  giveUp() {
    throw new AbortError(new PaymentError('never again'))
  },
  throwValue({ value }) {
    throw value
  },
  throwFunction() {
    throw () => 'a function'
  },
  result: () => () => 'what cannot be cloned',
  exit(_payload, { log }) {
    log.info({}, 'about to exit')
    process.exit(3)
  },
  crash: () => {
    setImmediate(() => {
      throw new Error('crashed')
    })
    return never()
  },
  reject: () => {
    void Promise.reject(new Error('nobody awaits it'))
    return never()
  },
  fill() {
    for (const all = []; ;) all.push(Array.from({ length: 100_000 }, (_, index) => ({ index })))
  },
  spin(_payload, { log }) {
    log.info({}, 'spinning')
    for (;;);
  },
  wait: (_payload, { signal, log }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        log.info({ reason: signal.reason }, 'aborted')
        reject(new Error('stopped'))
      })
      setInterval(() => undefined, 1_000)
      log.info({}, 'waiting')
    }),
  finishLate: (_payload, { signal, log }) =>
    new Promise((resolve) => {
      signal.addEventListener('abort', resolve)
      log.info({}, 'waiting')
    }),
  nap: () => new Promise((resolve) => setTimeout(resolve, 100)),
  leaveBehind() {
    setTimeout(() => {
      throw new Error('left behind')
    }, 1)
  },
}

export function run(payload, context) {
  const { act = 'succeed', until = Infinity } = payload ?? {}
  return context.attempt <= until ? acts[act](payload, context) : undefined
}
