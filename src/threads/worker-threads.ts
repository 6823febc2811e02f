import { AsyncResource } from 'node:async_hooks'
import { availableParallelism } from 'node:os'
import { MessageChannel, type MessagePort, receiveMessageOnPort, type ResourceLimits } from 'node:worker_threads'
import PQueue from 'p-queue'
import type { Piscina } from 'piscina'
import { OptionsError } from '../core/errors.js'
import type { Logger } from '../core/options.js'
import type { TaskContext } from '../core/task.js'
import type { OpenThreads, Threads } from '../core/threads.js'
import { type Call, type Report, runInThread, threadModule } from './thread.js'
import { pack, unpack } from './thrown.js'

export interface WorkerThreadsOptions {
  /** Threads at most; each runs one task at a time. @default the processors less one, at least 1 */
  readonly size?: number
  /** Tasks running in threads, waiting for one and backing off together, at most. @default the instance's */
  readonly maxPending?: number
  /** Milliseconds after which a thread that has nothing to do is ended. @default 10_000 */
  readonly idleTimeout?: number
  /** Of each thread, in Node's names. One that runs out of memory is a failed attempt. @default Node's */
  readonly resourceLimits?: ResourceLimits
  /** Flags of Node for each thread. @default those of the process: a loader of TypeScript, for one */
  readonly execArgv?: readonly string[]
}

/**
 * Runs the tasks that are defined with `thread: true` in worker threads, by piscina, which is loaded when the first one runs.
 *
 * @throws OptionsError for a wrong option.
 * @example
 * const resize = defineTask<Resize>('resize', new URL('./resize.js', import.meta.url), { thread: true })
 * const afterCommit = createAfterCommit({ threads: workerThreads({ size: 2 }) })
 */
export function workerThreads(options: WorkerThreadsOptions = {}): Threads {
  const { size = Math.max(1, availableParallelism() - 1), maxPending, idleTimeout = 10_000 } = options
  for (const [name, value] of Object.entries({ size, maxPending })) {
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 1)) {
      throw OptionsError.expected(name, 'an integer from 1 and up', value)
    }
  }
  if (!(idleTimeout >= 0 && idleTimeout < 2 ** 31)) {
    throw OptionsError.expected('idleTimeout', 'a number of milliseconds from 0 and up', idleTimeout)
  }
  return {
    size,
    ...(maxPending !== undefined && { maxPending }),
    open: ({ abortGrace, logger }) => new Workers({ ...options, size, idleTimeout, abortGrace, logger }),
  }
}

interface Settings extends WorkerThreadsOptions {
  readonly size: number
  readonly idleTimeout: number
  readonly abortGrace: number
  readonly logger: Logger
}

class Workers implements OpenThreads {
  readonly #settings: Settings
  /** Threads outlive the task that they are started for, so they must not keep its context. */
  readonly #outside = new AsyncResource('after-commit-threads', { requireManualDestroy: true })
  /** The pool has as many slots, but tasks that run in the promise of their transaction have none of them. */
  readonly #slots: PQueue
  /** What ends the attempts of which no thread has said that they have begun. */
  readonly #beginning = new Set<AbortController>()
  #piscina: Promise<Piscina> | undefined

  constructor(settings: Settings) {
    this.#settings = settings
    this.#slots = new PQueue({ concurrency: settings.size })
  }

  async run({ href }: URL, payload: string, { id, name, attempt, signal, log }: TaskContext): Promise<void> {
    const piscina = await this.#start()
    signal.throwIfAborted()
    const { abortGrace } = this.#settings
    const { port1: here, port2: port } = new MessageChannel()
    const end = new AbortController()
    let grace: NodeJS.Timeout | undefined
    const abort = (): void => {
      here.postMessage(pack(signal.reason))
      const ended = new Error(`The thread was ended: \`${name}\` went on for ${abortGrace} ms after its signal`)
      grace = setTimeout(() => end.abort(ended), abortGrace)
    }
    const read = (report: Report): void => {
      this.#beginning.delete(end)
      if (report !== 'begun') write(log, report)
    }
    signal.addEventListener('abort', abort)
    here.on('message', read)
    here.unref() // the thread that runs keeps the process alive, and nothing else does
    const call: Call = { module: href, payload, id, name, attempt, port }
    try {
      const thrown = await this.#slots.add(() => this.#call(piscina, call, end), { signal: end.signal })
      if (thrown) throw unpack(thrown)
    } finally {
      clearTimeout(grace)
      signal.removeEventListener('abort', abort)
      for (let next = receive(here); next; next = receive(here)) read(next.message) // sent, and not yet come to
      here.close()
    }
  }

  async close(): Promise<void> {
    await this.#slots.onIdle()
    const piscina = await this.#piscina
    await piscina?.destroy()
  }

  async #call(piscina: Piscina, call: Call, end: AbortController): ReturnType<typeof runInThread> {
    const { signal } = end
    this.#beginning.add(end)
    try {
      return (await this.#outside.runInAsyncScope(() =>
        piscina.run(call, { signal, transferList: [call.port] }),
      )) as Awaited<ReturnType<typeof runInThread>>
    } catch (error) {
      throw signal.aborted ? signal.reason : error // the thread was ended, or has ended by itself
    } finally {
      this.#beginning.delete(end)
    }
  }

  async #start(): Promise<Piscina> {
    this.#piscina ??= this.#load()
    try {
      return await this.#piscina
    } catch (error) {
      this.#piscina = undefined
      throw error
    }
  }

  async #load(): Promise<Piscina> {
    const { Piscina: Threads } = await import('piscina').catch((cause: unknown) => {
      throw new Error('A task with `thread: true` needs the package piscina: npm install piscina', { cause })
    })
    const { size, idleTimeout, resourceLimits, execArgv, logger } = this.#settings
    return this.#outside.runInAsyncScope(() => {
      const piscina = new Threads({
        filename: threadModule,
        name: runInThread.name,
        minThreads: 0,
        maxThreads: size,
        idleTimeout,
        ...(resourceLimits && { resourceLimits }),
        ...(execArgv && { execArgv: [...execArgv] }),
        // With atomics a thread sleeps between two tasks, and what a task has left behind wakes up in the next one.
        atomics: 'disabled',
        recordTiming: false,
      })
      piscina.on('error', (error: Error) => {
        logger.error({ err: error }, 'a thread failed, and no task was running in it')
        // One that cannot even start: piscina would let what waits for it wait.
        if (piscina.queueSize > 0) for (const end of this.#beginning) end.abort(error)
      })
      return piscina
    })
  }
}

function write(log: Logger, { level, fields, message }: Exclude<Report, string>): void {
  log[level](Object.fromEntries(fields.map(([key, value]) => [key, unpack(value)])), message)
}

const receive = (port: MessagePort): { readonly message: Report } | undefined => receiveMessageOnPort(port)
