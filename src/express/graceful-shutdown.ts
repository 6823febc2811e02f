import { constants } from 'node:os'
import { type AfterCommit, OptionsError, type Stats } from '../core/index.js'
import { type HttpServer, OpenRequests } from './open-requests.js'
import { within } from './within.js'

export interface GracefulShutdownOptions {
  /** Milliseconds that requests and then tasks have together. `kubectl` gives 30 s in all: stay some seconds below. @default 10_000 */
  readonly grace?: number
  /** @default ['SIGTERM', 'SIGINT'] */
  readonly signals?: readonly NodeJS.Signals[]
  /** Called with the report, and awaited for two seconds: disconnect the client here, log. */
  readonly onReport?: (report: ShutdownReport) => unknown
  /** Whether a signal ends the process; `false` where something else does. A second signal ends it in any case. @default true */
  readonly exit?: boolean
}

/** What `close()` reports, every accepted task counted once, and what became of the requests. */
export type ShutdownReport = Stats & {
  /** Requests that were not answered when `grace` was over. */
  readonly requestsCut: number
  /** Nothing was interrupted and no request was cut: exit code 0, otherwise 1. */
  readonly clean: boolean
}

/** Milliseconds for `onReport`; and for everything that may follow `grace`, the last rows of the failure log included. */
const patience = { onReport: 2_000, all: 8_000 }

/**
 * On a signal: takes no more connections, finishes the requests, then the tasks that they left, reports and ends the process.
 * Never later than some seconds after `grace`, whatever hangs. A second signal ends it at once, with 128 and its number.
 *
 * Call it before the server gets its first request: it finishes those that it has seen begin.
 *
 * @returns Starts it without a signal, and then does not end the process; the same promise each time.
 * @throws OptionsError
 * @example
 * gracefulShutdown(app.listen(3000), afterCommit, { grace: 20_000, onReport: () => prisma.$disconnect() })
 */
export function gracefulShutdown(
  server: HttpServer,
  afterCommit: Pick<AfterCommit, 'close'>,
  options: GracefulShutdownOptions = {},
): () => Promise<ShutdownReport> {
  const { exit = true, grace = 10_000, onReport, signals = ['SIGTERM', 'SIGINT'] } = options
  if (!(typeof grace === 'number' && grace >= 0 && grace < 2 ** 31 - patience.all)) {
    throw OptionsError.expected('grace', 'a number of milliseconds from 0 and up', grace)
  }
  const requests = new OpenRequests(server)

  const run = async (): Promise<ShutdownReport> => {
    const deadline = performance.now() + grace
    await requests.finish(grace)
    const stats = await afterCommit.close({ grace: Math.max(0, deadline - performance.now()) })
    const requestsCut = requests.cut()
    const report = { ...stats, requestsCut, clean: requestsCut === 0 && stats.interrupted === 0 }
    const reported = (async () => await onReport?.(report))().catch(console.error)
    await within(patience.onReport, reported)
    for (const signal of signals) process.off(signal, onSignal)
    return report
  }
  let running: Promise<ShutdownReport> | undefined
  const shutDown = (): Promise<ShutdownReport> => {
    running ??= run()
    return running
  }

  let signalled = false
  const onSignal = (signal: NodeJS.Signals): void => {
    if (signalled) process.exit(128 + constants.signals[signal])
    signalled = true
    if (exit) setTimeout(() => process.exit(1), grace + patience.all).unref()
    shutDown().then(
      ({ clean }) => exit && process.exit(clean ? 0 : 1),
      (error: unknown) => {
        console.error(error)
        if (exit) process.exit(1)
      },
    )
  }
  for (const signal of signals) process.on(signal, onSignal)
  return shutDown
}
