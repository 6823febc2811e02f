import { afterCommit } from '../after-commit.js'
import { givePoints } from '../tasks/give-points.js'
import type { Points } from '../tasks/give-points.js'

/** Gives points, once the transaction has committed. */
export function givePointsAsync(points: Points): void {
  afterCommit(givePoints, points)
}
