import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { defineTask, type TaskHandle } from '../../src/index.js'
import type { ThreadRun } from '../../src/threads/index.js'
import { moduleUrl, startThreads } from './act.js'

interface Burn {
  readonly milliseconds: number
}

const twoSeconds: Burn = { milliseconds: 2_000 }

/** How long the requests took that were under way while the task was. */
async function latencies(address: string, handle: TaskHandle): Promise<number[]> {
  const taken: number[] = []
  while (handle.state === 'waiting' || handle.state === 'running') {
    const began = performance.now()
    await (await fetch(address)).text()
    taken.push(performance.now() - began)
  }
  assert.equal(handle.state, 'succeeded')
  return taken
}

const p99 = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.ceil(values.length * 0.99) - 1] ?? Number.NaN

test('a task that burns CPU for two seconds in a thread leaves the p99 of an endpoint as it was', async (t) => {
  const server = createServer((_request, response) => response.end('ok')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { afterCommit } = startThreads({}, { size: 1 })
  const { run } = (await import(moduleUrl('burn.mjs').href)) as { readonly run: ThreadRun<Burn> }
  const here = defineTask('burn here', run)
  const elsewhere = defineTask<Burn>('burn in a thread', moduleUrl('burn.mjs'), { thread: true })
  await afterCommit(elsewhere, { milliseconds: 1 }).settled
  await latencies(
    address,
    afterCommit('warm up', () => new Promise((resolve) => setTimeout(resolve, 200))),
  )

  const idle = await latencies(
    address,
    afterCommit('idle', () => new Promise((resolve) => setTimeout(resolve, 500))),
  )
  const burning = await latencies(address, afterCommit(elsewhere, twoSeconds))
  const frozen = await latencies(address, afterCommit(here, twoSeconds))
  const shown = Object.entries({ idle, burning, frozen }).map(
    ([name, values]) => `${name}: ${values.length} requests, p99 ${p99(values).toFixed(1)} ms`,
  )
  t.diagnostic(shown.join('; '))

  assert.equal(p99(burning) - p99(idle) < p99(frozen) / 4, true, shown.join('; '))
  assert.equal(burning.length > 10 * frozen.length, true, shown.join('; '))
  await afterCommit.close()
  server.close()
  server.closeAllConnections()
})
