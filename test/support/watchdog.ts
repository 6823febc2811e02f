// Preloaded into every test process. Node has a time limit for a file but, before 24, none for the tests in it, and its
// message does not say which one hangs. A test that does not end, and a file whose process does not end after its last
// test (a server, a pool or a timer is still open), fail here, by name. The limit is for what gives no sign of life.
import { afterEach, beforeEach } from 'node:test'

const limit = Number(process.env['TEST_TIMEOUT'] ?? 60_000)
const running = new Set<string>()
let timer: NodeJS.Timeout | undefined

/** To be called by a test that takes long, when it sees that its work goes on. */
export function goesOn(): void {
  if (timer) restart()
}

function restart(): void {
  clearTimeout(timer)
  timer = setTimeout(() => {
    const what =
      running.size > 0 ? `still running: ${[...running].join(', ')}` : 'no test runs, but the process does not end'
    console.error(`${limit} ms: ${what}; open: ${process.getActiveResourcesInfo().join(', ')}`)
    process.exit(1)
  }, limit)
  timer.unref()
}

if (process.env['NODE_TEST_CONTEXT'] !== undefined) {
  restart()
  beforeEach((context) => {
    running.add(context.name)
    restart()
  })
  afterEach((context) => {
    running.delete(context.name)
    restart()
  })
}
