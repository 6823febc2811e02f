import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { type Partners, startPartners } from '../../src/app/partners/start.js'

describe('a partner', () => {
  let partners: Partners
  before(async () => {
    partners = await startPartners()
  })
  after(() => partners.close())
  beforeEach(() => {
    partners.each.points.forget()
    partners.each.points.configure({ latency: 0, failureRate: 0, down: false })
  })

  const call = (key: string | undefined, body: object) =>
    fetch(partners.each.points.url, {
      method: 'POST',
      headers: key === undefined ? {} : { 'idempotency-key': key },
      body: JSON.stringify(body),
    })
  const control = async (path: string, method: string, body?: unknown) => {
    const response = await fetch(partners.controlUrl + path, {
      method,
      body: body === undefined ? null : JSON.stringify(body),
    })
    return { status: response.status, body: await response.json() }
  }

  it('does a thing once, however often it is asked under the same key', async () => {
    for (let time = 1; time <= 3; time++) assert.equal((await call('key-1', { amount: 5 })).status, 200)
    const received = await partners.each.points.received()
    assert.deepEqual(
      received.map(({ key, body, times }) => ({ key, body, times })),
      [{ key: 'key-1', body: { amount: 5 }, times: 3 }],
    )
    assert.ok(!Number.isNaN(Date.parse(received[0]?.at ?? '')))
  })

  it('refuses a key that comes back with another body, and a call without a key', async () => {
    await call('key-1', { amount: 5 })
    assert.equal((await call('key-1', { amount: 6 })).status, 422)
    assert.equal((await call(undefined, { amount: 5 })).status, 400)
    assert.equal((await partners.each.points.received()).length, 1)
  })

  it('does nothing when it fails', async () => {
    partners.each.points.configure({ failureRate: 1 })
    assert.equal((await call('key-1', {})).status, 500)
    assert.deepEqual(await partners.each.points.received(), [])
  })

  it('refuses connections when it is down, and hangs up on those that are open', async () => {
    partners.each.points.configure({ latency: 60_000 })
    const waiting = call('key-1', {})
    while ((await control('/points/settings', 'GET')).status !== 200);
    partners.each.points.configure({ down: true })
    await assert.rejects(waiting)
    await assert.rejects(call('key-2', {}))
    partners.each.points.configure({ latency: 0, down: false })
    assert.equal((await call('key-3', {})).status, 200)
  })

  it('is changed and read through the control server, also while it is down', async () => {
    const changed = await control('/points/settings', 'PUT', { latency: 5, down: true })
    assert.deepEqual(changed, { status: 200, body: { latency: 5, failureRate: 0, down: true } })
    await control('/points/settings', 'PUT', { down: false })
    await call('key-1', {})
    const received = (await control('/points/received', 'GET')).body as { key: string }[]
    assert.deepEqual(
      received.map(({ key }) => key),
      ['key-1'],
    )
    await control('/points/received', 'DELETE')
    assert.deepEqual((await control('/points/received', 'GET')).body, [])
  })

  it('names what is wrong in its settings', async () => {
    for (const wrong of [{ latency: -1 }, { failureRate: 2 }, { down: 'yes' }, { speed: 1 }]) {
      const { status, body } = await control('/points/settings', 'PUT', wrong)
      assert.equal(status, 400)
      assert.match(JSON.stringify(body), new RegExp(`got ${Object.keys(wrong)[0]}`))
    }
    assert.equal((await control('/nobody/settings', 'GET')).status, 404)
    assert.equal((await control('/points/nothing', 'GET')).status, 404)
  })
})
