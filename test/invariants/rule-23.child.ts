// Run by rule-23.test.ts, one scenario at a time: what keeps a process alive, and what does not.
import { createAfterCommit, type Logger } from '../../src/index.js'
import { failureLogThat } from '../support/recorders.js'
import { until } from '../support/wait.js'

const nothing = () => undefined
const logger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing, fatal: nothing }
const boom = () => Promise.reject(new Error('boom'))
const held = (sought: string) => process.getActiveResourcesInfo().filter((kind) => kind === sought).length
const forever = () => new Promise<void>(nothing)

const scenarios: Readonly<Record<string, () => unknown>> = {
  'an instance that was never used': () => {
    createAfterCommit({ logger })
  },
  'an idle pool': async () => {
    const afterCommit = createAfterCommit({ logger })
    for (let n = 0; n < 100; n++) afterCommit(nothing)
    await afterCommit.idle()
    console.log(`${held('Timeout')} timers, ${afterCommit.stats().succeeded} succeeded`)
    // Slots that have found no task may still wait for their turn of the event loop.
    await until(() => held('Immediate') === 0)
  },
  'a failure log that is down': async () => {
    const failureLog = failureLogThat({ write: () => Promise.reject(new Error('down')) })
    const afterCommit = createAfterCommit({ logger, retry: false, failureLog })
    await afterCommit(boom).settled
    await afterCommit.idle()
    console.log('will be tried again')
  },
  'an abandoned attempt': async () => {
    const afterCommit = createAfterCommit({ logger, retry: false, timeout: 10, abortGrace: 10 })
    const { status } = await afterCommit(forever).settled
    console.log(status)
  },
  'a closed pool': async () => {
    const afterCommit = createAfterCommit({ logger })
    afterCommit(nothing)
    const report = await afterCommit.close({ grace: 600_000 })
    console.log(`${report.succeeded} succeeded`)
  },
  'a task that is waiting, backing off or running': () => {
    const afterCommit = createAfterCommit({ logger, concurrency: 1, retry: { retries: 1, minTimeout: 50 } })
    afterCommit('backs off', ({ attempt }) => (attempt === 1 ? boom() : undefined))
    afterCommit('runs', () => new Promise((resolve) => setTimeout(resolve, 50)))
    afterCommit('waits', nothing)
    process.on('exit', () => console.log(`${afterCommit.stats().succeeded} succeeded`))
  },
  'a close() that waits for a task which never ends': async () => {
    const afterCommit = createAfterCommit({ logger, timeout: Infinity })
    afterCommit(forever)
    const report = await afterCommit.close({ grace: 100 })
    console.log(`${report.interrupted} interrupted`)
  },
  'a close() that waits for a failure log which never answers': async () => {
    const afterCommit = createAfterCommit({ logger, retry: false, failureLog: failureLogThat({ write: forever }) })
    await afterCommit(boom).settled
    const report = await afterCommit.close({ grace: 100 })
    console.log(`${report.failed} failed`)
  },
}

await scenarios[process.argv[2] ?? '']?.()
