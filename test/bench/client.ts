// Asks an endpoint at a fixed rate, whether it answers or not, from a process of its own: client.ts <port>
import { Agent, get } from 'node:http'
import type { Sample } from './endpoint.js'

const port = Number(process.argv[2])
/** Milliseconds from one request to the next. */
const interval = 2
const agent = new Agent({ keepAlive: true })
const samples: Sample[] = []
let pending = 0
let next = now()

setInterval(() => {
  // A timer that is late, or that counts whole milliseconds, must not change the rate.
  for (; next <= now(); next += interval) ask()
}, 1)

process.on('message', () => {
  const finish = setInterval(() => {
    if (pending > 0) return
    clearInterval(finish)
    process.send?.(samples, () => process.exit())
  }, 5)
})
process.on('disconnect', () => process.exit())

function ask(): void {
  const sent = now()
  pending++
  const request = get({ host: '127.0.0.1', port, agent }, (response) => {
    response.resume().on('end', () => {
      pending--
      samples.push({ sent, latency: now() - sent })
      if (samples.length === 200) process.send?.('warm')
    })
  })
  request.on('error', (error) => {
    throw error
  })
}

/** Milliseconds of the clock that all processes share. */
function now(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
