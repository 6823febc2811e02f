import type { DashboardOptions, Masked } from './options.js'

/** A payload as the page is told of it: `kind` says why there is none. */
export type Shown = { readonly kind: 'json'; readonly json: string } | { readonly kind: 'closure' | 'empty' | 'hidden' }

/** What the page may see of a stored payload. A mask that throws, or answers with what is no JSON, hides all of it. */
export function shown(payload: string | null, about: Masked, mask: DashboardOptions['mask']): Shown {
  if (payload === null) return { kind: 'closure' }
  if (payload === '') return { kind: 'empty' }
  try {
    const value: unknown = JSON.parse(payload)
    const json = JSON.stringify(mask ? mask(value, about) : value, undefined, 2) as string | undefined
    return json === undefined ? { kind: 'hidden' } : { kind: 'json', json }
  } catch {
    return { kind: 'hidden' }
  }
}

/** The first line of a text, for a row. */
export function brief(text: string | null): string | null {
  const [line = ''] = (text ?? '').split('\n', 1)
  return text === null ? null : line.slice(0, 300)
}
