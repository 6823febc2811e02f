import { spawn } from 'node:child_process'
import { once as event } from 'node:events'
import { type Figures, once } from '../benchmark.js'
import type { JobSystem } from './job-system.js'
import { lost, until } from './until.js'

export const lease = once ? 500 : 3_000
export const recovered = `recovered, lease ${lease / 1_000} s`
export const beyond = 'beyond the lease'

/** The worker that is to die. */
export async function victim(system: JobSystem): Promise<never> {
  await system.work(() => {
    process.stdout.write('handles it\n')
    return new Promise(() => undefined)
  })
  return await new Promise(() => undefined)
}

/** Milliseconds from SIGKILL of the process that handles a message to the start of its handler in another process. */
export async function recovery(system: JobSystem, contestant: string): Promise<Figures> {
  await system.fill(0, 1)
  const args = [...process.execArgv, process.argv[1] ?? '', '--round', JSON.stringify(['outbox', contestant, 'victim'])]
  const child = spawn(process.execPath, args, {
    env: { ...process.env, BENCH_RUN: String(process.pid) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await event(child.stdout, 'data')
  const dead = event(child, 'exit')
  child.kill('SIGKILL')
  const start = performance.now()
  await dead
  let end: number | undefined
  await system.work(() => void (end ??= performance.now()))
  if (!(await until(() => end !== undefined)) || end === undefined) lost('It was not handled again')
  return { [recovered]: end - start, [beyond]: end - start - lease }
}
