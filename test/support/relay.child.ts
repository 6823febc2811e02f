// A relay in a process of its own, which a message may kill: `node relay.child.ts provider url lease`. Each handler that starts and
// each that ends writes a line, so that whoever has started this knows it even after a SIGKILL.
import { writeSync } from 'node:fs'
import { createAfterCommit, defineTask } from '../../src/index.js'
import { createOutbox, createRelay, inbox } from '../../src/outbox/index.js'
import { clientOf } from './client-of.js'

const [provider = '', url = '', lease] = process.argv.slice(2)
const client = clientOf(provider, url)

const work = defineTask(
  'work',
  async (payload: { readonly name: string; readonly kills?: 'before' | 'after' }, context) => {
    writeSync(1, `started ${payload.name} ${context.attempt}\n`)
    if (payload.kills === 'before') process.kill(process.pid, 'SIGKILL')
    await new Promise((resolve) => setImmediate(resolve))
    await inbox(client, context, (tx) => tx.user.create({ data: { email: payload.name, name: payload.name } }))
    writeSync(1, `ended ${payload.name}\n`)
    if (payload.kills === 'after' && context.attempt === 1) process.kill(process.pid, 'SIGKILL')
  },
  { durable: true },
)

const outbox = createOutbox(() => client)
const afterCommit = createAfterCommit({ outbox, tasks: [work] })
const relay = createRelay({ afterCommit, lease: Number(lease), pollInterval: 50, maxAttempts: 3 })
await relay.start()
writeSync(1, 'ready\n')
process.once('SIGTERM', () => {
  void relay.stop().then(async () => {
    await client.$disconnect()
    process.exit(0)
  })
})
