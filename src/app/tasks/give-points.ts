import { defineTask } from '../../index.js'
import { settings } from '../settings.js'
import { post } from './post.js'

/** Points for a user, and the request that earned them. */
export interface Points {
  requestId: string
  userId: number
  amount: number
  reason: string
}

/** Tells the points service. A defined task: its payload is kept with a failure, so that it can be run again. */
export const givePoints = defineTask(
  'give-points',
  (points: Points, context) => post(settings.urls.points, points, context),
  { durable: settings.durable },
)
