import type { Cleanup } from './cleanup.js'

const exitCodes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const

/** On Ctrl+C, SIGTERM or a terminal that is closed: calls `before`, undoes everything and ends the process. */
export function cleanUpWhenInterrupted(cleanup: Cleanup, before: () => void): void {
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      before()
      void cleanup.run().finally(() => process.exit(exitCodes[signal]))
    })
  }
}
