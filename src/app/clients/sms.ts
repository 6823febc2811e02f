import { afterCommit } from '../after-commit.js'
import { sendSms } from '../tasks/send-sms.js'
import type { Sms } from '../tasks/send-sms.js'

/** Sends a text message, once the transaction has committed. Throws `PoolFullError` where the pool is full. */
export function sendSmsAsync(sms: Sms): void {
  afterCommit(sendSms, sms)
}
