// All that is known of one failure, or of one dead message.
import { h } from './dom.js'
import { moment } from './format.js'

/** @typedef {import('../answers.js').FailureDetails} FailureDetails */
/** @typedef {import('../answers.js').DeadDetails} DeadDetails */
/** @typedef {import('../shown.js').Shown} Shown */

/** @param {FailureDetails} failure */
export function failureDetails(failure) {
  const {
    id,
    task,
    errorName,
    errorMessage,
    errorStack,
    requestId,
    retryOf,
    registeredAt,
    lastAttemptAt,
    recordedAt,
    payload,
  } = failure
  return sheet(
    [
      ['Task', task],
      ['Id', id],
      ['Request', requestId],
      ['Retry of', retryOf],
      ['Registered', moment(registeredAt)],
      ['Last attempt', lastAttemptAt === null ? 'none' : moment(lastAttemptAt)],
      ['Recorded', moment(recordedAt)],
    ],
    [
      ['Payload', payloadText(payload), payload.kind],
      ['Error', errorStack ?? (errorMessage === null ? null : `${errorName ?? 'Error'}: ${errorMessage}`), ''],
    ],
  )
}

/** @param {DeadDetails} message */
export function deadDetails({ id, task, messageId, key, attempts, lastError, payload }) {
  return sheet(
    [
      ['Task', task],
      ['Message', messageId],
      ['Row', id],
      ['Key', key],
      ['Attempts', String(attempts)],
    ],
    [
      ['Payload', payloadText(payload), payload.kind],
      ['Last error', lastError, ''],
    ],
  )
}

const without = {
  closure: 'None: it is a closure, which cannot be stored or run again. A task made with defineTask can.',
  empty: 'None: the task takes no payload.',
  hidden: 'Hidden: the mask does not let it through.',
}

/** @param {Shown} payload */
const payloadText = (payload) => (payload.kind === 'json' ? payload.json : without[payload.kind])

/**
 * @param {readonly (readonly [name: string, value: string | null])[]} facts
 * @param {readonly (readonly [name: string, text: string | null, kind: string])[]} texts
 */
function sheet(facts, texts) {
  return h(
    'div',
    { className: 'sheet' },
    h('dl', {}, ...facts.map(([name, value]) => value !== null && h('div', {}, h('dt', {}, name), h('dd', {}, value)))),
    ...texts.map(
      ([name, text, kind]) =>
        text !== null &&
        h(
          'section',
          { 'aria-label': name },
          h('h3', {}, name),
          // It may be wider than the page: whoever has no mouse scrolls it with the keys.
          kind === '' || kind === 'json'
            ? h('pre', { tabindex: '0', role: 'group', 'aria-label': name }, text)
            : h('p', {}, text),
        ),
    ),
  )
}
