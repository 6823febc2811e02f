import { PayloadError } from '../core/errors.js'
import {
  type CloudEvent,
  type EnvelopeMessage,
  type EnvelopeOptions,
  fromCloudEvent,
  toCloudEvent,
} from './cloud-events.js'

/** What goes over the wire: headers and a body, as HTTP and every broker has them. */
export interface WireMessage {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface WireOptions extends EnvelopeOptions {
  /**
   * `'structured'`: the whole event is the body. `'binary'`: the body is the data, and the attributes are headers. @default 'structured'
   */
  readonly mode?: 'structured' | 'binary'
  /** How that protocol spells headers: `ce-id` with percent-encoded values, `ce_id`, `cloudEvents:id`. @default 'http' */
  readonly binding?: keyof typeof bindings
}

/** By the protocol bindings of the specification. */
const bindings = {
  http: { prefix: 'ce-', encoded: true },
  nats: { prefix: 'ce-', encoded: true },
  kafka: { prefix: 'ce_', encoded: false },
  amqp: { prefix: 'cloudEvents:', encoded: false },
} as const

const structured = 'application/cloudevents+json'

/** @throws As `toCloudEvent`. */
export function toWire(
  message: EnvelopeMessage,
  { mode = 'structured', binding = 'http', ...options }: WireOptions,
): WireMessage {
  const event = toCloudEvent(message, options)
  if (mode === 'structured') {
    return { headers: { 'content-type': `${structured}; charset=utf-8` }, body: JSON.stringify(event) }
  }
  const { prefix, encoded } = bindings[binding]
  const { data: _data, datacontenttype, ...attributes } = event
  const headers = Object.entries(attributes).map(([name, value]): [string, string] => [
    prefix + name,
    encoded ? encode(String(value)) : String(value),
  ])
  return {
    headers: {
      ...(datacontenttype !== undefined && { 'content-type': datacontenttype }),
      ...Object.fromEntries(headers),
    },
    body: message.payload,
  }
}

/** Either mode, whatever the case of the headers' names. @throws PayloadError for what is no CloudEvent. */
export function fromWire({ headers, body }: WireMessage, binding: keyof typeof bindings = 'http'): EnvelopeMessage {
  const named = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  const type = named.get('content-type')
  if (type?.toLowerCase().startsWith(structured)) return fromCloudEvent(parsed(body) as CloudEvent)
  const { prefix, encoded } = bindings[binding]
  const attributes = [...named]
    .filter(([name]) => name.startsWith(prefix.toLowerCase()))
    .map(([name, value]): [string, string] => [name.slice(prefix.length), encoded ? decode(value) : value])
  return fromCloudEvent({
    ...(Object.fromEntries(attributes) as CloudEvent),
    ...(type !== undefined && { datacontenttype: type as 'application/json' }),
    ...(body !== '' && { data: parsed(body) }),
  })
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (error) {
    throw new PayloadError('The body of the CloudEvent is no JSON', { cause: error })
  }
}

/** HTTP binding, 3.1.3.2: everything but printable ASCII, and of that the space, the quote and the percent sign. */
const encode = (text: string): string =>
  text.replaceAll(/[^!#$&-~]/gu, (character) =>
    Array.from(Buffer.from(character), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  )

function decode(text: string): string {
  const plain = text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1).replaceAll(/\\(.)/g, '$1') : text
  try {
    return decodeURIComponent(plain)
  } catch {
    return plain // a percent sign that somebody has not encoded
  }
}
