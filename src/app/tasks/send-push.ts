import { defineTask } from '../../index.js'
import { settings } from '../settings.js'
import { post } from './post.js'

/** A notification on the phone of a user. */
export interface Push {
  requestId: string
  userId: number
  text: string
}

/** Sends a notification. A defined task: its payload is kept with a failure, so that it can be run again. */
export const sendPush = defineTask('send-push', (push: Push, context) => post(settings.urls.push, push, context), {
  durable: settings.durable,
})
