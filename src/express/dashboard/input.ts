import type { FailureFilter, FailureStatus } from '../../core/index.js'
import { Refusal } from './refusal.js'

/** What came with a request: of the address or of its body. */
export type Given = Readonly<Record<string, unknown>>

const most = 200

export function idsIn({ ids }: Given): readonly string[] {
  if (!Array.isArray(ids) || ids.length > most || !ids.every((id): id is string => typeof id === 'string')) {
    throw new Refusal(400, `Expected \`ids\` to be ${most} ids at most`)
  }
  return ids
}

export function textIn(given: Given, name: string): string | undefined {
  const value = given[name]
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value !== 'string') throw new Refusal(400, `Expected \`${name}\` to be a text`)
  return value
}

/** The names are those of `failures.list`; statuses stand in one text, with commas. What makes no sense is refused there. */
export function filterIn(given: Given): FailureFilter {
  const status = textIn(given, 'status')?.split(',') as FailureStatus[] | undefined
  const [task, cursor] = [textIn(given, 'task'), textIn(given, 'cursor')]
  const [since, until] = [textIn(given, 'since'), textIn(given, 'until')]
  return {
    ...(status && { status }),
    ...(task !== undefined && { task }),
    ...(cursor !== undefined && { cursor }),
    ...(since !== undefined && { since: new Date(since) }),
    ...(until !== undefined && { until: new Date(until) }),
  }
}
