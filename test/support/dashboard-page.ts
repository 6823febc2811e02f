// The dashboard as the browser tests open it, and what they look for in its page.
import { createServer, type Server } from 'node:http'
import { afterEach } from 'node:test'
import type { Page } from 'playwright-core'
import { dashboard, type DashboardOptions } from '../../src/express/index.js'
import { type AfterCommit, type AfterCommitOptions, defineTask } from '../../src/index.js'
import { start, type Started } from './recorders.js'

/** Those of a test that are open. */
const servers = new Set<Server>()

afterEach(async () => {
  for (const server of servers) await stop(server)
})

export async function stop(server: Server): Promise<void> {
  servers.delete(server)
  const closed = new Promise((resolve) => server.close(resolve))
  server.closeAllConnections()
  await closed
}

/** A server with a dashboard at its root. */
export async function serve(
  afterCommit: AfterCommit,
  options: DashboardOptions = {},
  port = 0,
): Promise<{ url: string; port: number; server: Server }> {
  const server = createServer(dashboard(afterCommit, { unsafe: true, ...options }))
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  servers.add(server)
  const { port: own } = server.address() as { port: number }
  return { url: `http://127.0.0.1:${own}/`, port: own, server }
}

/** A partner that is down until the test says that it is well, and the tasks that call it. */
export function partner(
  options: AfterCommitOptions = {},
): Started & { well: () => void; fail: (n: number, task?: string) => Promise<void> } {
  let isWell = false
  const call = (): Promise<void> => (isWell ? Promise.resolve() : Promise.reject(new Error('The partner is down')))
  const tasks = ['give-points', 'send-push'].map((name) =>
    defineTask(name, (_user: { user: number }) => call(), { retry: false }),
  )
  const started = start({ tasks, ...options })
  return {
    ...started,
    well: () => void (isWell = true),
    async fail(n, name = 'give-points') {
      const task = tasks.find((each) => each.name === name)
      for (let user = 1; user <= n; user++) if (task) started.afterCommit(task, { user })
      await started.afterCommit.idle()
    },
  }
}

export const rows = (page: Page) => page.locator('#failures .rows > li')
export const chips = (page: Page) => rows(page).locator('.chip').allTextContents()
export const message = (page: Page) => page.locator('#failures .message')
export const connection = (page: Page) => page.locator('#connection')
