// The table of the README that gives each rule of the contract its tests, made from the titles of the tests.
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { format } from 'prettier'

/** The rules that the library keeps so far. */
export const rules = 33

/** Files with further tests of a rule, by their paths in the project: their titles are about a part of the library. */
const further: Readonly<Record<number, readonly string[]>> = {
  21: ['test/core/overflow.test.ts', 'test/core/caller-runs.test.ts', 'test/core/queues.test.ts'],
  24: ['test/core/close.test.ts', 'test/core/accounting.test.ts', 'test/express/graceful-shutdown.test.ts'],
  27: ['test/core/failures.test.ts', 'test/failure-logs/race.test.ts'],
  29: ['test/outbox/outbox.test.ts'],
  30: ['test/outbox/relay.test.ts', 'test/outbox/inbox.test.ts'],
  28: ['src/testing/failure-log-suite.ts', 'test/failure-logs/file.test.ts', 'test/core/prisma-failure-log.test.ts'],
}

export interface Promised {
  /** More than one where a title says so: `Rules 1, 2 and 5 hold under load`. */
  readonly rules: readonly number[]
  readonly sentence: string
  /** Its path in the project. */
  readonly file: string
}

/** What the test files under `root` promise, in the order of the rules. A promise is the title of a `describe`. */
export function promisesOf(root: string): Promised[] {
  const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  return files
    .filter((file) => file.endsWith('.test.ts'))
    .toSorted((a, b) => (withoutEnding(a) < withoutEnding(b) ? -1 : 1)) // rule-02 before rule-02-commit
    .flatMap((file) => promisesIn(readFileSync(join(root, 'test', file), 'utf8'), `test/${file}`))
    .toSorted((a, b) => a.rules.length - b.rules.length || (a.rules[0] ?? 0) - (b.rules[0] ?? 0))
}

const withoutEnding = (file: string): string => file.replace(/(\.test)?\.ts$/, '')

export function promisesIn(source: string, file: string): Promised[] {
  return titlesOf(source, 'describe').flatMap((title) => {
    const [, one, several, sentence = ''] = /^Rules? (?:(\d+): |(\d+, [\d, and]+))(.+)$/.exec(title) ?? []
    if (one !== undefined) return [{ rules: [Number(one)], sentence, file }]
    return several === undefined ? [] : [{ rules: (several.match(/\d+/g) ?? []).map(Number), sentence: title, file }]
  })
}

/** Prettier puts a title on the line of the call or, alone, on the next one. */
function titlesOf(source: string, caller: 'describe' | 'test'): string[] {
  const title = new RegExp(String.raw`^ *${caller}\(\s*(['"\`])((?:\\.|(?!\1)[^\\])*)\1`, 'gm')
  return Array.from(source.matchAll(title), ([, , text = '']) => text.replaceAll(/\\(.)/g, '$1'))
}

/** In Markdown, as Prettier aligns it. */
export async function tableOf(promises: readonly Promised[], root: string): Promise<string> {
  const link = (file: string): string => {
    const count = titlesOf(readFileSync(join(root, file), 'utf8'), 'test').length
    return `[${withoutEnding(basename(file))}](${file}) ${count}`
  }
  let last = ''
  const rows = promises.map(({ rules: numbers, sentence, file }) => {
    const number = numbers.join(', ')
    const first = number !== last
    last = number
    const files = first && numbers.length === 1 ? [file, ...(further[numbers[0] ?? 0] ?? [])] : [file]
    return `| ${first ? number : ''} | ${cell(sentence)} | ${files.map(link).join(', ')} |`
  })
  const table = ['| rule | promise | tests |', '| --- | --- | --- |', ...rows].join('\n')
  return await format(table, { parser: 'markdown' })
}

/** A word of the language begins a sentence with a capital, a name of the code stays as it is. */
const cell = (sentence: string): string =>
  sentence
    .replace(/^[a-z]+(?= )/, (word) => word.charAt(0).toUpperCase() + word.slice(1))
    .replaceAll('|', String.raw`\|`)

/** The README with this table in the place that its comments mark: `<!-- promises: … -->`, for instance. */
export function withTable(readme: string, name: string, table: string): string {
  const section = new RegExp(`(?<=<!-- ${name}: .*-->\\n)[^]*?(?=<!-- /${name} -->)`)
  if (!section.test(readme)) throw new Error(`README.md has no <!-- ${name}: … --> and <!-- /${name} -->`)
  return readme.replace(section, () => `\n${table}\n`)
}
