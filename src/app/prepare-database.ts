import { type PrismaClient, isEmbedded } from './database.js'
import { addSampleData } from './sample-data.js'

/**
 * Before the first request: a few rows to play with where the embedded database is empty; and what to do where another
 * one has no tables.
 */
export async function prepareDatabase(prisma: PrismaClient, url: string): Promise<void> {
  try {
    const user = await prisma.user.findFirst()
    if (user === null && isEmbedded(url)) await addSampleData(prisma)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'P2021')) throw error
    throw new Error('The database has no tables yet. Create them with: npx prisma migrate deploy', { cause: error })
  }
}
