import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { Logger } from '../core/options.js'
import type { TaskContext } from '../core/task.js'
import { pack, type Packed, unpack } from './thrown.js'

/** What the module of a task with `thread: true` exports as `run`. What it returns is awaited and left in the thread. */
export type ThreadRun<Payload = void> = (payload: Payload, context: TaskContext) => unknown

/** One attempt, as the thread is told of it. */
export interface Call extends Pick<TaskContext, 'id' | 'name' | 'attempt'> {
  readonly module: string
  /** JSON text, or empty. */
  readonly payload: string
  /** Brings the reason why the signal is aborted, and takes log lines back. */
  readonly port: MessagePort
}

/** What a thread says while it runs. */
export type Report = 'begun' | LogLine

interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'fatal'
  readonly fields: readonly (readonly [key: string, value: Packed])[]
  readonly message: string
}

/** This module: piscina loads it in each thread, and calls `runInThread`. */
export const threadModule = import.meta.url

/** @returns What the function threw, or nothing. */
export async function runInThread({ module, payload, port, ...task }: Call): Promise<Packed | undefined> {
  const controller = new AbortController()
  const early: { readonly message: Packed } | undefined = receiveMessageOnPort(port)
  if (early) return early.message // it was aborted while the thread started
  port.postMessage('begun' satisfies Report)
  port.on('message', (reason: Packed) => controller.abort(unpack(reason)))
  port.unref()
  const exported = await load(module)
  try {
    if (typeof exported['run'] !== 'function') throw new TypeError(`${module} exports no function \`run\``)
    const run = exported['run'] as ThreadRun<unknown>
    const read: unknown = payload === '' ? undefined : JSON.parse(payload)
    await run(read, { ...task, signal: controller.signal, log: logTo(port) })
    return undefined
  } catch (error) {
    return pack(error)
  } finally {
    port.close()
  }
}

/** A module that has failed stays failed in its thread, so the thread goes with it: a retry gets another one. */
async function load(module: string): Promise<Record<string, unknown>> {
  try {
    return (await import(module)) as Record<string, unknown>
  } catch (error) {
    setImmediate(() => {
      throw error
    })
    return await new Promise(() => undefined)
  }
}

/** Lines are written by the logger of the application: on the other side, with the fields of the task. */
function logTo(port: MessagePort, bound: object = {}): Logger {
  const write =
    (level: LogLine['level']) =>
    (fields: object, message: string): void => {
      const packed = Object.entries({ ...bound, ...fields }).map(([key, value]) => [key, pack(value)] as const)
      port.postMessage({ level, fields: packed, message } satisfies Report)
    }
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    fatal: write('fatal'),
    child: (fields) => logTo(port, { ...bound, ...fields }),
  }
}
