import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readSettings } from '../../src/app/settings.js'

describe('the settings of the app', () => {
  it('have defaults', () => {
    const { port, partners, maxPending, databaseUrl } = readSettings({})
    assert.deepEqual({ port, partners, maxPending }, { port: 3000, partners: 'after', maxPending: 1000 })
    assert.match(databaseUrl, /^file:/)
  })

  it('are refused with their name, what was expected and what came', () => {
    assert.throws(() => readSettings({ PORT: 'http' }), /PORT to be an integer from 0 and up, got "http"/)
    assert.throws(() => readSettings({ MAX_PENDING: '0' }), /MAX_PENDING to be an integer from 1 and up, got "0"/)
    assert.throws(
      () => readSettings({ PARTNERS: 'before' }),
      /PARTNERS to be 'inside', 'after' or 'outbox', got "before"/,
    )
    assert.throws(() => readSettings({ DATABASE_URL: 'oracle://x' }), /DATABASE_URL/)
  })
})
