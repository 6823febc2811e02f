import { afterCommit } from '../after-commit.js'
import { sendPush } from '../tasks/send-push.js'
import type { Push } from '../tasks/send-push.js'

/** Notifies a user, once the transaction has committed. */
export function sendPushAsync(push: Push): void {
  afterCommit(sendPush, push)
}
