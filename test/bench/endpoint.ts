// An Express server in this process, a client in another one that asks it all the time, and how long the event loop is held.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import express from 'express'

/** One request; both in milliseconds. */
export interface Sample {
  readonly sent: number
  readonly latency: number
}

/** What the work did to the event loop, in milliseconds of the clock of all processes, and of durations. */
export interface Strain {
  readonly start: number
  /** Everything is registered, synchronously. */
  readonly registered: number
  readonly end: number
  /** For how long the process was busy from one turn of the event loop to the next, after the registration. */
  readonly holds: readonly number[]
}

/** Serves and is asked while `use` runs; resolves with its result and what became of the requests. */
export async function whileAsked<R>(use: () => Promise<R>): Promise<R & { samples: readonly Sample[] }> {
  const app = express()
  app.get('/', (_request, response) => void response.json({ ok: true }))
  const server = app.listen(0, '127.0.0.1')
  server.keepAliveTimeout = 0 // or it closes, while the loop is held, what the client is about to use
  await once(server, 'listening')
  const script = fileURLToPath(new URL('client.ts', import.meta.url))
  const client = fork(script, [String((server.address() as AddressInfo).port)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  await once(client, 'message')
  const result = await use()
  client.send('finish')
  const [samples] = (await once(client, 'message')) as [Sample[]]
  server.close()
  server.closeAllConnections()
  return { ...result, samples }
}

/**
 * Registers and waits for the end. The event loop is watched with a timer of a millisecond, as `monitorEventLoopDelay` does it;
 * that one would lose what follows the registration, which is all of it where a queue runs everything in microtasks.
 */
export async function strain(register: () => Promise<void>): Promise<Strain> {
  await delay(500) // until the requests of before are answered
  const start = now()
  const ended = register()
  const registered = now()
  const holds: number[] = []
  let last = registered
  let cpu = process.cpuUsage()
  const tick = (): void => {
    const time = now()
    const { system, user } = process.cpuUsage(cpu)
    cpu = process.cpuUsage()
    // Where another process has the processor, the loop is not held by this one.
    holds.push(Math.min(time - last, (system + user) / 1e3))
    last = time
  }
  const timer = setInterval(tick, 1)
  await ended
  const end = now()
  await delay(2)
  tick()
  clearInterval(timer)
  return { start, registered, end, holds }
}

/** Of the requests sent from then to then. */
export function latencies(samples: readonly Sample[], from: number, until: number): number[] {
  return samples.filter(({ sent }) => sent >= from && sent <= until).map(({ latency }) => latency)
}

function now(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
