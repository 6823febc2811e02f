// Run by graceful-shutdown.test.ts: an app whose requests write a user and register a task, and which tells its parent
// what happens. POST /users { email, task }; the parent releases what is held.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect } from '../../src/app/database.js'
import { gracefulShutdown, poolFull, type ShutdownReport } from '../../src/express/index.js'
import { createAfterCommit, prismaFailureLog } from '../../src/index.js'
import { type ExpressName, expressVersions } from '../support/express.js'
import { recordingLogger } from '../support/recorders.js'
import { deferred } from '../support/wait.js'

export type Message = { readonly port: number } | { readonly held: string } | { readonly report: ShutdownReport }

/** What the request and its task do. */
export type Behaviour = 'succeed' | 'fail' | 'cancel' | 'wait' | 'never end' | 'hold the request'

export interface Settings {
  readonly grace: number
  readonly url: string
  readonly version: ExpressName
}

const { grace, url, version } = JSON.parse(process.argv[2] ?? '') as Settings
const used = expressVersions.find(({ name }) => name === version)
if (!used) throw new Error(`There is no ${version}`)
const { express, route } = used
const tell = (message: Message) => new Promise((resolve) => process.send?.(message, resolve))

const database = connect(url)
const afterCommit = createAfterCommit({
  concurrency: 4,
  maxPending: 30,
  retry: { retries: 1, minTimeout: 1 },
  failureLog: prismaFailureLog(() => database),
  logger: recordingLogger(),
})
const prisma = afterCommit.watch(database)

const released = deferred()
process.once('message', () => released.resolve())
process.channel?.unref()

const tasks: Record<Behaviour, () => unknown> = {
  succeed: () => prisma.user.count(),
  fail: () => Promise.reject(new Error('boom')),
  cancel: () => undefined,
  wait: () => released.promise,
  'never end': () => new Promise(() => {}),
  'hold the request': () => undefined,
}

const app = express()
app.use(express.json())
app.post(
  '/users',
  route(async ({ body }, response) => {
    const { email, behaviour } = body as { email: string; behaviour: Behaviour }
    await prisma.$transaction(async (tx) => {
      await tx.user.create({ data: { email, name: email } })
      const handle = afterCommit(behaviour, tasks[behaviour])
      if (behaviour === 'cancel') handle.cancel()
    })
    if (behaviour === 'hold the request') {
      void tell({ held: email })
      await released.promise
    }
    response.status(201).json({ email })
  }),
)
app.use(poolFull())

const server = app.listen(0, '127.0.0.1')
gracefulShutdown(server, afterCommit, {
  grace,
  async onReport(report) {
    await prisma.$disconnect()
    await tell({ report })
  },
})
await once(server, 'listening')
await tell({ port: (server.address() as AddressInfo).port })
