import { OptionsError, PayloadError } from '../core/errors.js'
import { readHeaders } from './message.js'

/** A message, as far as others hear of it: what a relay, an archive and `dead` have fits. */
export interface EnvelopeMessage {
  readonly messageId: string
  readonly messageType: string
  readonly key: string | null
  /** JSON text, or empty. */
  readonly payload: string
  /** JSON text of an object of texts. */
  readonly headers: string | null
  readonly occurredAt?: Date | string
}

/** CloudEvents 1.0 in the JSON format. https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md */
export interface CloudEvent {
  readonly specversion: '1.0'
  readonly id: string
  readonly source: string
  readonly type: string
  readonly time?: string
  /** The message's key. */
  readonly subject?: string
  readonly datacontenttype?: 'application/json'
  readonly data?: unknown
  /** Extensions: `requestid`, `traceparent` and the like as text. */
  readonly [extension: string]: unknown
}

export interface EnvelopeOptions {
  /** Who has written it, a URI reference: `/shop`, `https://shop.example/orders`. With the id it is unique for ever. */
  readonly source: string
}

const own: ReadonlySet<string> = new Set([
  'specversion',
  'id',
  'source',
  'type',
  'time',
  'subject',
  'datacontenttype',
  'dataschema',
  'data',
  'data_base64',
])

/** Headers whose names an attribute cannot have, as JSON text: so that nothing is lost on the way. */
const others = 'messageheaders'

/**
 * The message as an event that any broker and any language can take: `id` is the messageId, `subject` the key, `time` when it
 * occurred; the headers are extension attributes, the request id as `requestid`.
 *
 * @throws OptionsError for a `source` that is no URI reference. PayloadError for a control character in the key or in a header.
 * @example
 * await producer.send({ topic: 'orders', messages: [{ key: message.key, value: JSON.stringify(toCloudEvent(message, { source: '/shop' })) }] })
 */
export function toCloudEvent(message: EnvelopeMessage, { source }: EnvelopeOptions): CloudEvent {
  if (typeof source !== 'string' || !/^[\w\-.~:/?#[\]@!$&'()*+,;=%]+$/.test(source)) {
    throw OptionsError.expected('source', 'a URI reference', source)
  }
  const { messageId, messageType, key, payload, headers, occurredAt } = message
  const attributes = {
    specversion: '1.0',
    id: messageId,
    source,
    type: messageType,
    ...(occurredAt !== undefined && { time: new Date(occurredAt).toISOString() }),
    ...(key !== null && { subject: key }),
    ...(payload !== '' && { datacontenttype: 'application/json' as const }),
    ...extensionsOf(readHeaders(headers)),
  } as const
  for (const [name, value] of Object.entries(attributes)) checkText(messageType, name, value)
  return payload === '' ? attributes : { ...attributes, data: JSON.parse(payload) as unknown }
}

/** The message that an event was made from, or that one of somebody else amounts to. @throws PayloadError for what is no event. */
export function fromCloudEvent(event: CloudEvent): EnvelopeMessage {
  const { specversion, id, type, subject, time, datacontenttype, data, ...rest } = event
  for (const [name, value] of Object.entries({ id, type, source: event.source })) {
    if (typeof value !== 'string' || value === '') throw new PayloadError(`A CloudEvent without \`${name}\` is none`)
  }
  if (specversion !== '1.0') throw new PayloadError(`CloudEvents ${String(specversion)} is not 1.0`)
  if (
    event['data_base64'] !== undefined ||
    (datacontenttype !== undefined && !/^application\/([\w.]+\+)?json\b/.test(datacontenttype))
  ) {
    throw new PayloadError(`The data of the CloudEvent ${id} is not JSON: it is ${datacontenttype ?? 'binary'}`)
  }
  const headers = headersOf(rest)
  return {
    messageId: id,
    messageType: type,
    key: subject ?? null,
    payload: data === undefined ? '' : JSON.stringify(data),
    headers: Object.keys(headers).length > 0 ? JSON.stringify(headers) : null,
    ...(time !== undefined && { occurredAt: new Date(time) }),
  }
}

function extensionsOf(headers: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const extensions: Record<string, string> = {}
  const left: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue
    const attribute = name === 'requestId' ? 'requestid' : name
    const fits =
      /^[a-z\d]{1,20}$/.test(attribute) && !own.has(attribute) && attribute !== others && name !== 'requestid'
    if (fits) extensions[attribute] = value
    else left[name] = value
  }
  if (Object.keys(left).length > 0) extensions[others] = JSON.stringify(left)
  return extensions
}

function headersOf(attributes: Readonly<Record<string, unknown>>): Record<string, string> {
  const { [others]: left, ...rest } = attributes
  const extensions = Object.entries(rest).filter(
    ([name, value]) => !own.has(name) && value !== undefined && value !== null,
  )
  return {
    ...Object.fromEntries(
      extensions.map(([name, value]) => [name === 'requestid' ? 'requestId' : name, textOf(value)]),
    ),
    ...(typeof left === 'string' && (JSON.parse(left) as Record<string, string>)),
  }
}

/** A number or a boolean of somebody else's event. */
const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

/** What the specification's String may not have: control characters, and halves of surrogate pairs. */
function checkText(type: string, attribute: string, text: string): void {
  if (text === '' && own.has(attribute))
    throw new PayloadError(`The attribute \`${attribute}\` of \`${type}\` is empty`)
  if (!/[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u.test(text)) return
  throw new PayloadError(
    `The attribute \`${attribute}\` of \`${type}\` has a character that CloudEvents does not allow`,
  )
}
