// A PostgreSQL server of our own, which may be restarted and killed.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../support/free-port.js'
import { postgresqlAt } from '../support/postgresql.js'
import type { Server } from '../support/servers.js'
import { eventually } from './eventually.js'

export interface Cluster {
  readonly server: Server
  /** `SIGINT`: at once, in good order. `SIGQUIT`: as if it had crashed. */
  restart(signal: 'SIGINT' | 'SIGQUIT'): Promise<void>
  close(): Promise<void>
}

/** The newest PostgreSQL of Debian on this machine; undefined without one. */
function binaries(): string | undefined {
  const root = '/usr/lib/postgresql'
  const versions = existsSync(root) ? readdirSync(root).toSorted((a, b) => Number(a) - Number(b)) : []
  return versions.map((version) => join(root, version, 'bin')).findLast((bin) => existsSync(join(bin, 'initdb')))
}

export async function startCluster(): Promise<Cluster | undefined> {
  const bin = binaries()
  if (bin === undefined) return undefined
  const data = mkdtempSync(join(tmpdir(), 'after-commit-postgresql-'))
  const user = owner()
  if (user) chownSync(data, user.uid, user.gid)
  chmodSync(data, 0o700)
  const options = { cwd: data, ...user }
  execFileSync(join(bin, 'initdb'), [`--pgdata=${data}`, '--username=postgres', '--auth=trust', '--no-sync'], {
    ...options,
    stdio: 'ignore',
  })
  const port = await freePort()
  const server = postgresqlAt(`postgres://postgres@127.0.0.1:${port}/postgres`)
  const start = async (): Promise<ChildProcess> => {
    const args = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', data]
    const child = spawn(join(bin, 'postgres'), args, { ...options, stdio: 'ignore' })
    await eventually(() => child.exitCode !== null || answers(server))
    if (child.exitCode !== null) throw new Error(`postgres has ended with ${child.exitCode}`)
    return child
  }
  let running = await start()
  return {
    server,
    async restart(signal) {
      await stop(running, signal)
      running = await start()
    },
    async close() {
      await stop(running, 'SIGQUIT')
      rmSync(data, { recursive: true, force: true })
    },
  }
}

async function answers(server: Server): Promise<boolean> {
  try {
    await server.ping()
    return true
  } catch {
    return false
  }
}

async function stop(child: ChildProcess, signal: 'SIGINT' | 'SIGQUIT'): Promise<void> {
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
}

const idOf = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))

/** PostgreSQL refuses to run as root. */
function owner(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  return { uid: idOf('-u'), gid: idOf('-g') }
}
