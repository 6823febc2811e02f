import { type PrismaClient, isEmbedded } from './database.js'
import { addSampleData } from './sample-data.js'

/** The app cannot start, for a reason that whoever starts it can do something about. */
export class StartError extends Error {
  override readonly name = 'StartError'
}

export const embedded = 'without DATABASE_URL it is an SQLite file'
/** By Prisma's code. */
const reasons: Readonly<Record<string, string>> = {
  P1000: 'refuses the user or the password of DATABASE_URL',
  P1001: `does not answer. Start it, or correct DATABASE_URL: ${embedded}`,
  P1003: `does not exist. Create it, or correct DATABASE_URL: ${embedded}`,
  P1010: 'refuses the user or the password of DATABASE_URL',
  P2021: 'has no tables yet. Create them with: npx prisma migrate deploy',
}

/**
 * Before the first request: a few rows to play with where the embedded database is empty; and what to do where another
 * one cannot be used.
 *
 * @throws StartError
 */
export async function prepareDatabase(prisma: PrismaClient, url: string): Promise<void> {
  try {
    const user = await prisma.user.findFirst()
    if (user === null && isEmbedded(url)) await addSampleData(prisma)
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? reasons[String(error.code)] : undefined
    if (reason === undefined) throw error
    throw new StartError(`The database ${nameOf(url)} ${reason}`, { cause: error })
  }
}

/** Without the password. */
export function nameOf(url: string): string {
  if (isEmbedded(url)) return url
  const { host, pathname } = new URL(url)
  return `${host}${pathname}`
}
