// A process of a round: an application that commits, a relay, or both. It loads everything, then does what it is told.
import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import type { Provider } from '../../prisma/providers.js'
import { createAfterCommit, type TaskContext } from '../../src/index.js'
import { createOutbox, createRelay, inbox, type Relay } from '../../src/outbox/index.js'
import { aroundCommit } from '../support/around-commit.js'
import { deferred } from '../support/wait.js'
import { loadClient } from './clients.js'
import { tasksOf } from './handlers.js'
import { openLedger } from './ledger.js'
import type { Orders, Said, Told } from './orders.js'
import { Producer } from './producer.js'
import { insertEffect, number } from './tables.js'
import type { Work } from './workload.js'

const say = (what: Said): void => void process.send?.(what)
const ears = new Map<Told, () => void>()
process.on('disconnect', () => process.exit(1)) // whoever started this has died

const makeClient = await loadClient(process.argv[2] as Provider)
process.once('message', (orders: Orders) => {
  process.on('message', (told: Told) => ears.get(told)?.())
  void act(orders)
})
say({ said: 'loaded' })

async function act(orders: Orders): Promise<void> {
  const {
    provider,
    url,
    lease,
    rung = 'outbox',
    knows,
    produce,
    pauseAt,
    holds,
    failsFirst = 0,
    grace = 10_000,
  } = orders
  const ledger = openLedger(orders.ledger)
  const current = new AsyncLocalStorage<string>()
  const go = deferred()
  ears.set('go', () => go.resolve())
  let pauses = pauseAt
  const pause = async (point: Orders['pauseAt']): Promise<void> => {
    if (pauses !== point) return
    pauses = undefined
    say({ said: 'paused' })
    await go.promise
  }

  // One for all: on SQLite, one that waits for another one of its process would wait in vain.
  const client = makeClient(url, 15, (adapter) =>
    aroundCommit(adapter, {
      before: async (tx) => {
        const name = current.getStore()
        if (name === undefined) return // of the inbox, or of a relay
        await pause('before commit')
        await number(tx, provider, name)
      },
      after: async () => {
        if (current.getStore() !== undefined) await pause('after commit')
      },
    }),
  )
  const effect = async ({ name }: Work, context: TaskContext): Promise<boolean> => {
    const insert = (through: Pick<typeof client, '$executeRawUnsafe'>): Promise<number> =>
      through.$executeRawUnsafe(insertEffect[provider], name, process.pid)
    if (rung === 'outbox') return await inbox(client, context, insert)
    await insert(client)
    return true
  }
  const passes = (point: Orders['holds']): Promise<void> | undefined => (holds === point ? go.promise : undefined)
  const tasks = tasksOf({ ledger, effect, passes, failsFirst, durable: rung === 'outbox' })
  const known = Object.values(tasks).filter(({ name }) => knows?.includes(name as Work['task']) ?? true)
  const logger = { debug() {}, info() {}, warn() {}, error() {}, fatal() {} }
  const outbox = createOutbox(() => client)
  const afterCommit = createAfterCommit({ tasks: known, logger, ...(rung === 'outbox' && { outbox }) })
  const prisma = afterCommit.watch(client)
  const noteWritten = ({ task }: { readonly task: { readonly id: string } }): void =>
    ledger.write({ what: 'written', messageId: task.id })
  if (rung === 'memory') afterCommit.on('succeeded', noteWritten)

  let relay: Relay | undefined
  if (orders.relay) {
    const pool = orders.pool ? poolOf(url) : undefined
    relay = createRelay({ afterCommit, lease, ...(pool && { pool }), ...orders.relay })
    relay.on('succeeded', noteWritten)
    await relay.start()
    ears.set('stats', () => relay && say({ said: 'stats', stats: relay.stats() }))
  }
  const pending = async (): Promise<number> => {
    if (rung === 'memory') return afterCommit.stats().pending
    const backlog = await outbox.backlog()
    return backlog.pending + backlog.processing
  }
  const producer = new Producer({
    provider,
    prisma,
    afterCommit,
    tasks,
    ledger,
    pending,
    within: (name, run) => current.run(name, run),
  })
  ears.set('enough', () => producer.enough())
  process.once('SIGTERM', () => {
    void (async () => {
      const stats = await relay?.stop({ grace })
      if (stats) say({ said: 'stats', stats })
      await afterCommit.close({ grace })
      process.exit(0)
    })()
  })
  void noteStandstills()
  say({ said: 'ready' })
  if (produce) {
    await producer.run(produce)
    say({ said: 'produced' })
  }

  async function noteStandstills(): Promise<never> {
    for (let at = performance.now(); ; at = performance.now()) {
      await delay(50, undefined, { ref: false })
      const milliseconds = performance.now() - at - 50
      if (milliseconds > lease / 4) ledger.write({ what: 'stood still', milliseconds })
    }
  }
}

function poolOf(url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 3 })
  pool.on('error', () => {}) // a connection that the server has ended is replaced
  return pool
}
