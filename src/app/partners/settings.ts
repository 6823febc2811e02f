import type { PartnerSettings } from './partner.js'

/** Reads a change of settings; what is wrong or unknown in it is refused with a message that names it. */
export function readPartnerSettings(value: unknown): Partial<PartnerSettings> {
  if (typeof value !== 'object' || value === null)
    throw new TypeError('Expected an object with latency, failureRate or down')
  const change: Partial<PartnerSettings> = {}
  for (const [name, setting] of Object.entries(value) as [string, unknown][]) {
    if (name === 'latency' && typeof setting === 'number' && setting >= 0) change.latency = setting
    else if (name === 'failureRate' && typeof setting === 'number' && setting >= 0 && setting <= 1)
      change.failureRate = setting
    else if (name === 'down' && typeof setting === 'boolean') change.down = setting
    else
      throw new TypeError(
        `Expected latency (ms), failureRate (0 to 1) or down (boolean), got ${name}: ${JSON.stringify(setting)}`,
      )
  }
  return change
}
