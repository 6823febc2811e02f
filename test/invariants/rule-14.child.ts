// Run by rule-14.test.ts with --unhandled-rejections=strict: everything fails here that can.
import { createAfterCommit } from '../../src/index.js'
import { failureLogThat, levels } from '../support/recorders.js'
import { failing, throwables } from '../support/throwables.js'

let failures = 0
for (const fail of Object.values(failing)) {
  for (const make of Object.values(throwables)) {
    const logger = Object.fromEntries(levels.map((level) => [level, fail(make())]))
    const afterCommit = createAfterCommit({
      logger: logger as unknown as typeof console & { fatal: typeof console.error },
      retry: { retries: 1, minTimeout: 0 },
      failureLog: failureLogThat({ write: fail(make()) as () => Promise<void> }),
    })
    for (const event of ['accepted', 'started', 'retrying', 'failed', 'failureLogError'] as const) {
      afterCommit.on(event, fail(make()))
    }
    await afterCommit('fails', fail(make())).settled
    await afterCommit.close()
    failures += afterCommit.stats().failed
  }
}
console.log(`survived ${failures} failures`)
