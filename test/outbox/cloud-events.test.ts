import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CloudEvent as SdkEvent, HTTP, Kafka } from 'cloudevents'
import {
  type CloudEvent,
  type EnvelopeMessage,
  fromCloudEvent,
  fromWire,
  toCloudEvent,
  toWire,
} from '../../src/outbox/index.js'

const source = '/shop'
const headers = {
  requestId: 'r-1',
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  'X-Tenant': 'ü 100% "a"',
  id: 'not the id',
}
const message: EnvelopeMessage = {
  messageId: '0199c0de-0000-7000-8000-000000000001',
  messageType: 'order-placed',
  key: 'user:7 é"%',
  payload: '{"id":1,"name":"Ada \\u0000 ü 🎉"}',
  headers: JSON.stringify(headers),
  occurredAt: new Date('2026-11-25T10:11:12.013Z'),
}
const bare: EnvelopeMessage = { ...message, key: null, payload: '', headers: null }
const messages: readonly EnvelopeMessage[] = [
  message,
  bare,
  ...['null', '0', '""', '[1,2.5,null]', 'true', '{"data":1}'].map((payload): EnvelopeMessage =>
    Object.assign({}, bare, { payload }),
  ),
]
const bindings = ['http', 'nats', 'kafka', 'amqp'] as const

describe('CloudEvents', () => {
  test('a message is an event of version 1.0, its headers are extensions, and what is not there is left out', () => {
    assert.deepEqual(toCloudEvent(message, { source }), {
      specversion: '1.0',
      id: message.messageId,
      source,
      type: 'order-placed',
      time: '2026-11-25T10:11:12.013Z',
      subject: 'user:7 é"%',
      datacontenttype: 'application/json',
      requestid: 'r-1',
      traceparent: headers.traceparent,
      messageheaders: '{"X-Tenant":"ü 100% \\"a\\"","id":"not the id"}',
      data: JSON.parse(message.payload) as unknown,
    })
    const { messageId: id, messageType: type } = bare
    assert.deepEqual(toCloudEvent({ ...bare, occurredAt: '2026-11-25 10:11:12Z' }, { source }), {
      specversion: '1.0',
      id,
      source,
      type,
      time: '2026-11-25T10:11:12.000Z',
    })
  })

  test('the SDK of the specification takes it, strictly, in the JSON format and in both modes of HTTP', () => {
    for (const each of messages) {
      const event = toCloudEvent(each, { source })
      const names = Object.keys(event).filter((name) => name !== 'data')
      assert.deepEqual(
        names.filter((name) => !/^[a-z\d]{1,20}$/.test(name)),
        [],
      )
      assert.equal(new SdkEvent({ ...event }).validate(), true)
      for (const mode of ['structured', 'binary'] as const) {
        const { headers: wire, body } = toWire(each, { source, mode })
        const read = HTTP.toEvent({ headers: { ...wire }, body }) as SdkEvent<unknown>
        assert.equal(read.validate(), true)
        assert.deepEqual([read.id, read.type, read.source, read.time], [event.id, event.type, source, event.time])
        // Its parser takes no JSON but objects and arrays for data.
        if (typeof event.data === 'object' && event.data !== null)
          assert.deepEqual(read.data, event.data, `${mode} ${body}`)
      }
    }
  })

  test('the SDK reads what goes to Kafka', () => {
    const { headers: wire, body } = toWire(message, { source, mode: 'binary', binding: 'kafka' })
    const read = Kafka.toEvent({ headers: wire, body, key: '', value: body } as never) as SdkEvent<unknown>
    assert.deepEqual([read.id, read.subject, read['requestid']], [message.messageId, message.key, 'r-1'])
  })

  test('the inverse gives the message back, from the object and from the wire of every protocol', () => {
    for (const each of messages) {
      assert.deepEqual(fromCloudEvent(toCloudEvent(each, { source })), each)
      for (const binding of bindings) {
        for (const mode of ['structured', 'binary'] as const) {
          const { headers: wire, body } = toWire(each, { source, mode, binding })
          // Servers write the names in lower case.
          const lower = Object.fromEntries(Object.entries(wire).map(([name, value]) => [name.toLowerCase(), value]))
          for (const received of [wire, lower]) assert.deepEqual(fromWire({ headers: received, body }, binding), each)
        }
      }
    }
  })

  test('in binary mode the body is the payload, and headers are spelled as each protocol wants them', () => {
    const names = bindings.map((binding) => {
      const { headers: wire, body } = toWire(message, { source, mode: 'binary', binding })
      assert.equal(body, message.payload)
      assert.equal(wire['content-type'], 'application/json')
      return Object.keys(wire).filter((name) => name.endsWith('type') && name !== 'content-type')
    })
    assert.deepEqual(names, [['ce-type'], ['ce-type'], ['ce_type'], ['cloudEvents:type']])
    const { headers: http } = toWire(message, { source, mode: 'binary' })
    assert.equal(http['ce-subject'], 'user:7%20%C3%A9%22%25')
    for (const value of Object.values(http)) assert.match(value, /^[\x21-\x7e]*$/)
    const { headers: none, body } = toWire(bare, { source, mode: 'binary' })
    assert.deepEqual([none['content-type'], body], [undefined, ''])
  })

  test('an event of somebody else is a message too', () => {
    const event = new SdkEvent({ id: 'a', type: 'paid', source: 'https://bank', data: { n: 1 }, attempts: 3, ok: true })
    const { occurredAt, ...rest } = fromCloudEvent(event.toJSON() as unknown as CloudEvent)
    assert.ok(occurredAt instanceof Date)
    assert.deepEqual(rest, {
      messageId: 'a',
      messageType: 'paid',
      key: null,
      payload: '{"n":1}',
      headers: '{"attempts":"3","ok":"true"}',
    })
  })

  test('refuses what the specification does not allow, and what is no event', () => {
    for (const wrong of ['', 'a b', '<x>', 7 as never]) {
      assert.throws(() => toCloudEvent(message, { source: wrong }), { code: 'ERR_OPTIONS', message: /`source`/ })
    }
    for (const key of ['a\nb', 'a\u0085', '\uD800', '\uFFFF']) {
      assert.throws(() => toCloudEvent({ ...message, key }, { source }), { code: 'ERR_PAYLOAD', message: /`subject`/ })
    }
    const event = toCloudEvent(message, { source })
    const wrong: Partial<Record<string, unknown>>[] = [
      { specversion: '0.3' },
      { id: '' },
      { source: undefined },
      { type: 1 },
      { datacontenttype: 'text/xml' },
      { data_base64: 'AA==' },
    ]
    for (const change of wrong) {
      assert.throws(() => fromCloudEvent({ ...event, ...change }), { code: 'ERR_PAYLOAD' })
    }
    assert.throws(() => fromWire({ headers: {}, body: '{}' }), { code: 'ERR_PAYLOAD' })
    const { headers: wire } = toWire(message, { source })
    assert.throws(() => fromWire({ headers: wire, body: '{' }), { code: 'ERR_PAYLOAD', message: /no JSON/ })
  })
})
