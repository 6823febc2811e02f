import { givePointsAsync } from '../clients/points.js'
import type { Transaction } from '../database.js'
import { requestId } from '../request-context.js'

/**
 * Writes down that a user has earned points, in the caller's transaction, and tells the points service after its
 * commit.
 */
export async function earnPoints(tx: Transaction, userId: number, amount: number, reason: string): Promise<void> {
  const points = { requestId: requestId(), userId, amount, reason }
  await tx.pointEntry.create({ data: points })
  givePointsAsync(points)
}
