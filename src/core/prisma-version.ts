import type { PrismaLike } from './prisma-client.js'

/**
 * What is to be said about a client of a version that the tests do not run on, or of another engine: that of Prisma 6 may be the one
 * in Rust, whose errors look different. Read from where Prisma happens to keep it; a client that does not tell is taken as it is.
 */
export function untested(client: PrismaLike): string | undefined {
  const { _clientVersion: version, _engine } = client as { _clientVersion?: unknown; _engine?: { name?: string } }
  const [, major, minor] = /^(\d+)\.(\d+)\./.exec(typeof version === 'string' ? version : '') ?? []
  if (major === undefined) return undefined
  const inRange = major === '6' ? Number(minor) >= 16 : major === '7' && Number(minor) <= 10
  const engine = _engine?.name ?? 'ClientEngine'
  if (inRange && engine === 'ClientEngine') return undefined
  return `this client is Prisma ${String(version)} with its ${engine}; tested is 6.16 to 7.10 with its ClientEngine. A rollback may be taken for a commit, or a commit for a rollback`
}
