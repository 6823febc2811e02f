import { defineTask } from '../../index.js'
import { settings } from '../settings.js'
import { post } from './post.js'

/** A text message. */
export interface Sms {
  requestId: string
  phone: string
  text: string
}

/**
 * Sends a text message. A defined task with a rule of its own: somebody waits for the code, so where the pool is full
 * it is refused at once. That rolls the transaction back, and the user is asked to try again.
 */
export const sendSms = defineTask('send-sms', (sms: Sms, context) => post(settings.urls.sms, sms, context), {
  durable: settings.durable,
  overflow: 'refuse',
  retry: { retries: 2 },
})
