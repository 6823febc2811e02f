import { createServer } from 'node:http'
import { defineTask, type TaskHandle } from '../../../index.js'
import { type ThreadRun, workerThreads } from '../../../threads/index.js'
import { listen } from '../../partners/listen.js'
import { defineLimit } from '../limit.js'

interface Burn {
  readonly milliseconds: number
}

const module = new URL('../burn.mjs', import.meta.url)
const milliseconds = 1_000

/** An HTTP endpoint of the process in which a task burns CPU for a second: here, and in a thread. */
export const cpu = defineLimit({
  name: 'cpu',
  title: 'A task that burns CPU freezes every request',
  rung: 1,
  async run(lab) {
    const server = createServer((_request, response) => response.end('ok'))
    const address = await listen(server, 0)
    lab.cleanup.add(() => {
      server.close()
      server.closeAllConnections()
    })
    const { run } = (await import(module.href)) as { readonly run: ThreadRun<Burn> }
    const here = defineTask('burn here', run)
    const elsewhere = defineTask<Burn>('burn in a thread', module, { thread: true })
    // A thread needs the loader of TypeScript, and nothing else that this process may have been started with.
    const threads = workerThreads({ size: 1, execArgv: ['--conditions=source', '--import', 'tsx'] })
    const { afterCommit } = lab.instance(await lab.database(), { threads })
    await afterCommit(elsewhere, { milliseconds: 1 }).settled // starts the thread

    return {
      milliseconds,
      here: await whileRunning(address, afterCommit(here, { milliseconds })),
      thread: await whileRunning(address, afterCommit(elsewhere, { milliseconds })),
    }
  },
  tell: ({ here, thread }) => ({
    happens: `While it burned ${milliseconds} ms, ${here.answered} requests were answered; the longest took ${here.longest} ms.`,
    answer: `In a thread (thread: true): ${thread.answered} were answered; the longest took ${thread.longest} ms.`,
  }),
})

/** One request after the other: how many were answered before the task had ended, and the longest. */
async function whileRunning(address: string, task: TaskHandle): Promise<{ answered: number; longest: number }> {
  let answered = 0
  let longest = 0
  const hasEnded = (): boolean => task.state !== 'waiting' && task.state !== 'running'
  while (!hasEnded()) {
    const began = performance.now()
    await (await fetch(address)).text()
    longest = Math.max(longest, Math.round(performance.now() - began))
    if (!hasEnded()) answered++
  }
  return { answered, longest }
}
