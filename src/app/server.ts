import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterCommit, prisma } from './after-commit.js'
import { createApp } from './app.js'
import { prepareDatabase } from './prepare-database.js'
import { logger } from './logger.js'
import { settings } from './settings.js'

await prepareDatabase(prisma, settings.databaseUrl)

const server = createApp().listen(settings.port, settings.host)
await once(server, 'listening')
console.log(`The shop listens on http://${settings.host}:${(server.address() as AddressInfo).port}`)

// A connection that waits for a next request would keep a closing server waiting.
server.on('request', (_request, response: ServerResponse) => {
  response.on('close', () => {
    if (!server.listening) server.closeIdleConnections()
  })
})

/** Stop listening, finish the requests, then the tasks that they left, and only then let go of the database. */
async function shutDown(signal: NodeJS.Signals): Promise<void> {
  logger.info({ signal }, 'shutting down')
  server.close()
  await once(server, 'close')
  const report = await afterCommit.close({ grace: 10_000 })
  await prisma.$disconnect()
  logger.info({ report }, 'shut down')
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    shutDown(signal).catch((error: unknown) => {
      logger.fatal({ err: error }, 'shutting down failed')
      process.exitCode = 1
    })
  })
}
