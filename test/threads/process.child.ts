// Run by process.test.ts, one scenario at a time: what keeps a process with threads alive, and what does not.
import { createRequire } from 'node:module'
import { createAfterCommit, type Logger } from '../../src/index.js'
import { workerThreads } from '../../src/threads/index.js'
import { actTask } from './act.js'

const act = actTask()
const nothing = () => undefined
const logger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing, fatal: nothing }
const threads = workerThreads({ size: 2 })

const loaded = (): boolean =>
  Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes('/node_modules/piscina/'))

const scenarios: Readonly<Record<string, () => unknown>> = {
  'threads that were never used': async () => {
    const afterCommit = createAfterCommit({ logger, threads, tasks: [act] })
    await afterCommit('elsewhere', nothing).settled
    console.log(loaded() ? 'piscina is loaded' : 'piscina is not loaded')
  },
  'threads that have nothing to do': async () => {
    const afterCommit = createAfterCommit({ logger, threads })
    for (let n = 0; n < 10; n++) afterCommit(act, {})
    await afterCommit.idle()
    console.log(`${afterCommit.stats().succeeded} succeeded, ${loaded() ? 'piscina is loaded' : 'what runs them?'}`)
  },
  'a thread that was ended': async () => {
    const afterCommit = createAfterCommit({ logger, threads, retry: false, abortGrace: 10 })
    const { status } = await afterCommit(actTask({ timeout: 500 }), { act: 'spin' }).settled
    console.log(status)
  },
  'a closed instance': async () => {
    const afterCommit = createAfterCommit({ logger, threads, abortGrace: 10 })
    afterCommit(act, { act: 'spin' })
    await afterCommit(act, {}).settled
    const { interrupted } = await afterCommit.close({ grace: 0 })
    console.log(`${interrupted} interrupted`)
  },
  'a task that runs in one': () => {
    const afterCommit = createAfterCommit({ logger, threads })
    afterCommit(act, { act: 'nap' })
    process.on('exit', () => console.log(`${afterCommit.stats().succeeded} succeeded`))
  },
}

await scenarios[process.argv[2] ?? '']?.()
