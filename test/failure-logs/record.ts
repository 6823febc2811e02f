import { randomUUID } from 'node:crypto'
import type { FailureRecord } from '../../src/index.js'

export const at = new Date('2026-02-28T12:00:00.123Z')

export function record(more: Partial<FailureRecord> = {}): FailureRecord {
  return {
    id: randomUUID(),
    task: 'give-points',
    payload: '{"user":7}',
    status: 'failed',
    errorName: 'Error',
    errorMessage: 'boom',
    errorStack: 'Error: boom\n    at somewhere',
    attempts: 4,
    requestId: 'request 7',
    retryOf: null,
    registeredAt: at,
    lastAttemptAt: at,
    recordedAt: at,
    ...more,
  }
}
