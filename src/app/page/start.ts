import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPartners } from '../partners/start.js'
import { prepareDatabases } from './databases.js'
import { createFront } from './front.js'
import { Worlds } from './worlds.js'

export interface Page {
  readonly url: string
  readonly worlds: Worlds
  close(): Promise<void>
}

/** Starts the partners and the page's server. A process of the shop starts when somebody wants it. */
export async function startPage({
  host = '127.0.0.1',
  port = 0,
  databaseUrl,
}: { host?: string; port?: number; databaseUrl?: string | undefined } = {}): Promise<Page> {
  const folder = await mkdtemp(join(tmpdir(), 'after-commit-page-'))
  const partners = await startPartners()
  let worlds: Worlds | undefined
  let server: Server | undefined
  const close = async (): Promise<void> => {
    server?.close()
    server?.closeAllConnections()
    await worlds?.close()
    await partners.close()
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
  try {
    worlds = new Worlds(partners, await prepareDatabases(databaseUrl, folder), folder)
    server = createServer(createFront(worlds)).listen(port, host)
    await once(server, 'listening')
    const url = `http://${host}:${(server.address() as AddressInfo).port}`
    return { url, worlds, close }
  } catch (error) {
    await close()
    throw error
  }
}
