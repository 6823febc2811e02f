import { once } from 'node:events'
import type { Server } from 'node:http'

/** Listens on loopback and resolves with the URL; port 0 takes a free one. */
export async function listen(server: Server, port: number): Promise<string> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('Expected the server to listen on a TCP port')
  return `http://127.0.0.1:${address.port}`
}
