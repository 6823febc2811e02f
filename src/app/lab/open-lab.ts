import { join } from 'node:path'
import { type AfterCommit, type AfterCommitOptions, createAfterCommit, prismaFailureLog } from '../../index.js'
import { createOutbox } from '../../outbox/index.js'
import { connect, isEmbedded, type PrismaClient } from '../database.js'
import { type Child, startChild } from '../demo/child.js'
import type { Cleanup } from '../demo/cleanup.js'
import type { DemoDatabase } from '../demo/demo-database.js'
import { type Partner, type PartnerSettings, startPartner } from '../partners/partner.js'
import type { ProcessSettings } from './process.js'
import { quietLogger } from './quiet-logger.js'

/** What a limit works with. Everything that it opens is closed at the end, however that comes. */
export interface Lab {
  /** A database with the shop's tables and sample data, that nobody else has. */
  database(): Promise<LabDatabase>
  /** The library on that database, with a failure log and an outbox; it logs nothing. */
  instance(database: LabDatabase, options?: AfterCommitOptions): LabInstance
  /** A partner in this process: a real HTTP server on loopback. */
  partner(settings?: Partial<PartnerSettings>): Promise<Partner>
  /** A process of the shop without its HTTP, see `process.ts`. */
  process(settings: ProcessSettings): Promise<Child>
  /** A module of the app in a process of its own, ready when it has printed so many lines. */
  start(module: string, options: { lines: number; env: NodeJS.ProcessEnv }): Promise<Child>
  /** To be undone at the end. */
  readonly cleanup: Cleanup
}

/** A database, a client of it that the library does not know, and one of its users. */
export interface LabDatabase {
  readonly url: string
  readonly client: PrismaClient
  readonly userId: number
  readonly email: string
}

/** The library, and the client that it watches. */
export interface LabInstance {
  readonly afterCommit: AfterCommit
  readonly prisma: PrismaClient
}

/** A lab for one limit. */
export function openLab(options: {
  /** For the logs of processes. */
  folder: string
  createDatabase: (cleanup: Cleanup) => Promise<DemoDatabase>
  cleanup: Cleanup
}): Lab {
  const { folder, createDatabase, cleanup } = options
  const start: Lab['start'] = async (module, { lines, env }) => {
    const logFile = join(folder, 'processes.log')
    const child = await startChild(module, { name: `process of ${module}`, lines, env, logFile })
    cleanup.add(() => child.kill())
    return child
  }
  return {
    cleanup,
    async database() {
      const { url, data } = await createDatabase(cleanup)
      const client = connect(url)
      cleanup.add(() => client.$disconnect())
      // Several processes may write to it. Without the write-ahead log, readers and writers would lock each other out.
      if (isEmbedded(url)) await client.$queryRawUnsafe('PRAGMA journal_mode = WAL')
      const [{ id: userId, email } = { id: 0, email: '' }] = data.users
      return { url, client, userId, email }
    },
    instance({ client }, more) {
      const failureLog = prismaFailureLog(() => client)
      const outbox = createOutbox(() => client)
      const afterCommit = createAfterCommit({ failureLog, outbox, logger: quietLogger, ...more })
      cleanup.add(() => afterCommit.close({ grace: 0 }))
      return { afterCommit, prisma: afterCommit.watch(client) }
    },
    async partner(settings = {}) {
      const partner = await startPartner('points')
      cleanup.add(() => partner.close())
      partner.configure({ latency: 0, ...settings })
      return partner
    },
    start,
    process: (settings) => start('../lab/process.ts', { lines: 1, env: { LAB: JSON.stringify(settings) } }),
  }
}
