import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { describe, test } from 'node:test'
import { start } from '../support/recorders.js'

const budget = 10
const length = 1

/** Takes a millisecond, however busy the machine is: so that their number says how long the event loop was held. */
function spin(milliseconds = length): void {
  const end = performance.now() + milliseconds
  while (performance.now() < end);
}

/** The number of calls of `counted` between two turns of the event loop, the most there were. */
function mostPerTurn(): { readonly counted: () => void; readonly stop: () => number } {
  let [now, most, stopped] = [0, 0, false]
  const turn = (): void => {
    now = 0
    if (!stopped) setImmediate(turn)
  }
  turn()
  return {
    counted: () => void (most = Math.max(most, ++now)),
    stop: () => {
      stopped = true
      return most
    },
  }
}

describe('Rule 22: a burst does not hold the event loop for longer than 10 ms', () => {
  for (const concurrency of [1, 10, 100]) {
    test(`300 tasks of a millisecond, registered at once, with concurrency ${concurrency}`, async () => {
      const { afterCommit } = start({ concurrency })
      const { counted, stop } = mostPerTurn()
      for (let n = 0; n < 300; n++) {
        afterCommit(() => {
          counted()
          spin()
        })
      }
      await afterCommit.idle()
      const most = stop()
      assert.equal(afterCommit.stats().succeeded, 300)
      assert.ok(most <= budget / length, `${most} tasks ran between two turns of the event loop`)
    })
  }

  test('after each turn timers and I/O get as long: a hundred new connections do not come in one by one', async (t) => {
    const { afterCommit } = start({ concurrency: 1 })
    const connections = 100
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const clients = Array.from({ length: connections }, () => connect(port, '127.0.0.1'))
    t.after(() => {
      for (const client of clients) client.destroy()
      server.close()
    })
    let [accepted, ran] = [0, 0]
    const all = new Promise<number>((resolve) => {
      server.on('connection', (socket) => {
        socket.on('error', () => undefined).destroy()
        if (++accepted === connections) resolve(ran)
      })
    })
    for (let n = 0; n < connections; n++) {
      afterCommit(() => {
        ran++
        spin(5)
      })
    }
    // Node accepts one connection in each iteration of the event loop, so with one iteration after each task it takes them all.
    assert.ok((await all) < connections / 2)
    await afterCommit.idle()
  })
})
