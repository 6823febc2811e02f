import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { gracefulShutdown } from '../express/index.js'
import { afterCommit, prisma, relay } from './after-commit.js'
import { createApp } from './app.js'
import { prepareDatabase, StartError } from './prepare-database.js'
import { logger } from './logger.js'
import { settings } from './settings.js'

await prepareDatabase(prisma, settings.databaseUrl).catch((error: unknown) => {
  if (!(error instanceof StartError)) throw error
  console.error(error.message)
  process.exit(1)
})

const server = createApp().listen(settings.port, settings.host)
await once(server, 'listening')
console.log(`The shop listens on http://${settings.host}:${(server.address() as AddressInfo).port}`)

if (settings.durable) await relay.start()

// Its requests, then the tasks that they left, and only then the database. What is left in the outbox stays there.
gracefulShutdown(server, afterCommit, {
  async onReport(report) {
    if (settings.durable) await relay.stop({ grace: 1_000 })
    await prisma.$disconnect()
    logger.info({ report }, 'shut down')
  },
})
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => logger.info({ signal }, 'shutting down'))
