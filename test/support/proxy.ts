// A TCP proxy before a real server, which cuts the connection at the worst moment of all: the server has committed, and its
// answer is on the way.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import type { TestContext } from 'node:test'

export interface Proxy {
  /** The address of the server, through the proxy. It closes when the test ends. */
  readonly url: string
  /**
   * From now on, the answer to the next statement with this word is not delivered: both sides lose their connection instead.
   * The client is told so in the polite way, or by a reset.
   */
  cutAt(word: 'COMMIT' | 'RELEASE', how?: 'end' | 'reset'): void
}

export async function proxyTo(address: string, t: TestContext): Promise<Proxy> {
  const target = new URL(address)
  let armed: { word: string; how: 'end' | 'reset' } | undefined
  const sockets = new Set<{ destroy(): void }>()
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    let cutting = false
    const cut = (): void => {
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', cut)
      socket.on('close', cut)
    }
    client.on('data', (chunk) => {
      cutting = armed !== undefined && chunk.includes(armed.word)
      upstream.write(chunk)
    })
    upstream.on('data', (chunk) => {
      if (cutting && armed?.how === 'reset') client.resetAndDestroy()
      if (cutting) return cut()
      client.write(chunk)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(address)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return { url: url.href, cutAt: (word, how = 'end') => void (armed = { word, how }) }
}
