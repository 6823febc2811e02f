import { constants } from 'node:os'
import { parseArgs } from 'node:util'
import type { RelayStats } from '../outbox/relay-stats.js'
import { Failure } from './failure.js'
import { loadRelay, startFailure } from './load-relay.js'

export const relayHelp = `Usage: after-commit relay <module> [--export <name>] [--grace <milliseconds>]

Runs the relay that a module exports, until SIGTERM or SIGINT.

  <module>             the path of an ES module: export const relay = createRelay({ … }), or a function that makes one
  --export <name>      which export it is                               (relay, then the default export)
  --grace <ms>         how long the handlers may go on after the signal (10000)

Exit code: 0 when every handler ended within the grace and its result is written, otherwise 1; the messages of the others are
given back, and other relays handle them. 128 and the number of the signal, at once, when a second one comes.`

/** Milliseconds that may follow `grace`: the last results are written then. */
const patience = 8_000

/** Resolves after the signal that ends it. */
export async function relay(args: readonly string[]): Promise<number> {
  const { path, name, grace } = parse(args)
  const found = await loadRelay(path, name)
  const signal = firstSignal(grace)
  try {
    await found.start()
  } catch (error) {
    throw startFailure(error)
  }
  console.log(`relay started: ${path}, process ${process.pid}`)
  console.log(`relay stopping: ${await signal}, ${grace} ms for the handlers that run`)
  const stats = await found.stop({ grace })
  const clean = stats.interrupted === 0 && stats.unwritten === 0
  console.log(`relay stopped${clean ? '' : ', not clean'}: ${summary(stats)}`)
  return clean ? 0 : 1
}

function parse(args: readonly string[]): { path: string; name: string | undefined; grace: number } {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { export: { type: 'string' }, grace: { type: 'string', default: '10000' } },
    })
    const [path, ...more] = positionals
    if (path === undefined || more.length > 0) throw new Error('Expected the path of one module.')
    const grace = Number(values.grace.replaceAll('_', '') || NaN)
    if (!(grace >= 0 && grace < 2 ** 31 - patience)) {
      throw new Error(`Expected --grace to be a number of milliseconds from 0 and up, got \`${values.grace}\`.`)
    }
    return { path, name: values.export, grace }
  } catch (error) {
    throw new Failure(`${(error as Error).message}\n\n${relayHelp}`, 2, { cause: error })
  }
}

/** Resolves with the first signal. From there the process ends in time, whatever hangs, and a second signal ends it at once. */
function firstSignal(grace: number): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let signalled = false
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      process.on(name, () => {
        if (signalled) process.exit(128 + constants.signals[name])
        signalled = true
        setTimeout(() => process.exit(1), grace + patience).unref()
        resolve(name)
      })
    }
  })
}

const summary = (stats: RelayStats): string =>
  Object.entries(stats)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ') || 'nothing was handled'
