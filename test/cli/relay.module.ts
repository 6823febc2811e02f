// What `after-commit relay` is given in the tests: a relay over the database of RELAY_PROVIDER and RELAY_URL, whose handlers write lines.
import { writeSync } from 'node:fs'
import { createAfterCommit, defineTask } from '../../src/index.js'
import { createOutbox, createRelay } from '../../src/outbox/index.js'
import { clientOf } from '../support/client-of.js'

export const works = defineTask(
  'works',
  async (how: 'at once' | 'until the signal' | 'for ever', { log }) => {
    writeSync(1, `started ${how}\n`)
    const signalled = new Promise((resolve) => process.once('SIGTERM', resolve))
    if (how === 'until the signal') await signalled
    if (how === 'for ever') await new Promise(() => undefined)
    log.info({}, 'worked')
    writeSync(1, `ended ${how}\n`)
  },
  { durable: true },
)

export function makeRelay() {
  const client = clientOf(process.env['RELAY_PROVIDER'] ?? '', process.env['RELAY_URL'] ?? '')
  const afterCommit = createAfterCommit({ outbox: createOutbox(() => client), tasks: [works] })
  return createRelay({ afterCommit, pollInterval: 50 })
}

export const relay = process.env['RELAY_URL'] === undefined ? undefined : makeRelay()
export const nothing = { start: 1 }
