// The table of the README that shows what the limits lab has measured.
import { readFileSync } from 'node:fs'
import { format } from 'prettier'
import type { Shown } from '../../src/app/lab/limit.js'

/** What `npm run -s limits -- --json` has printed. */
export interface StoredRun {
  readonly node: string
  readonly cores: number
  readonly database: string
  readonly seconds: number
  readonly limits: readonly Shown[]
}

export function storedRun(): StoredRun {
  return JSON.parse(readFileSync(new URL('../../src/app/lab/limits.json', import.meta.url), 'utf8')) as StoredRun
}

/** In Markdown, as Prettier aligns it. */
export async function limitsTable({ limits, seconds, database, node, cores }: StoredRun): Promise<string> {
  const rows = limits.map(
    ({ name, title, happens, rung, answer }) => `| \`${name}\`: ${title} | ${happens} | ${rung} | ${answer} |`,
  )
  const table = ['| limit | what happens | rung | what answers it |', '| --- | --- | --- | --- |', ...rows].join('\n')
  const origin = `Measured in ${seconds} seconds, on ${database} and Node ${node.slice(1)}, on a machine of ${cores} cores.`
  return await format(`${table}\n\n${origin}`, { parser: 'markdown' })
}
