import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'

/** Which folders of src/ a folder may import, besides itself. src/index.ts counts as a folder of its own. */
const arrows: Record<string, readonly string[]> = {
  core: [],
  index: ['core', 'failure-logs'],
  context: ['core'],
  'failure-logs': ['core'],
  testing: ['core'],
  express: ['core'],
  threads: ['core'],
  metrics: ['core'],
  outbox: ['core'],
  transports: ['core', 'outbox'],
  cdc: ['core', 'outbox'],
  batch: ['core', 'outbox'],
}
const library = Object.keys(arrows)
arrows['cli'] = library
arrows['app'] = [...library, 'cli']

const corePackages = ['p-queue', 'p-retry']
const maxLines = 250
/** Of code: comments and blank lines do not count. All of the contract's rung 1 is in there, and what rung 2 needs of it. */
const maxCoreLines = 2_800

/** One sentence for each thing in `src` (an absolute path) that the design forbids. */
export function violations(src: string): string[] {
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => /\.[jt]s$/.test(file))
  const sources = new Map(files.toSorted().map((file) => [file, readFileSync(join(src, file), 'utf8')]))
  return [...[...sources].flatMap(([file, source]) => violationsOf(src, file, source)), ...coreSize(sources)]
}

function violationsOf(src: string, file: string, source: string): string[] {
  const found: string[] = []
  const folder = folderOf(file)
  if (!(folder in arrows)) found.push(`${file}: the design has no folder ${folder}`)
  if (linesOf(source) > maxLines) found.push(`${file}: ${linesOf(source)} lines, at most ${maxLines}`)

  const code = withoutComments(source)
  if (/^\s*export default\b|\bas default\b/m.test(code)) found.push(`${file}: a default export`)
  if (/^\s*(export |declare |const )*enum \w/m.test(code)) found.push(`${file}: an enum`)
  if (/^\s*(export |declare )*(namespace|module) [\w'"]/m.test(code)) found.push(`${file}: a namespace`)

  for (const specifier of importsOf(code)) {
    const problem = specifier.startsWith('.')
      ? relativeProblem(src, file, specifier)
      : packageProblem(folder, specifier)
    if (problem !== undefined) found.push(`${file}: imports ${specifier}, ${problem}`)
  }
  return found
}

function relativeProblem(src: string, file: string, specifier: string): string | undefined {
  const folder = folderOf(file)
  if (folder === 'core' && !specifier.endsWith('.js')) return 'core writes .js so that a copy compiles anywhere'
  const target = resolve(src, dirname(file), specifier)
  const inside = relative(src, target)
  if (!inside.startsWith('..')) return arrowProblem(folder, folderOf(inside))
  if (folder !== 'app') return 'which is outside src'
  return relative(dirname(src), target).startsWith('test') ? 'nothing imports the tests' : undefined
}

function packageProblem(folder: string, specifier: string): string | undefined {
  if (specifier === 'after-commit' || specifier.startsWith('after-commit/')) {
    return arrowProblem(folder, specifier.split('/')[1] ?? 'index')
  }
  if (folder !== 'core') return undefined
  if (corePackages.includes(specifier) || isBuiltin(specifier)) return undefined
  return `core needs ${corePackages.join(' and ')} only`
}

function arrowProblem(from: string, to: string): string | undefined {
  if (from === to || arrows[from]?.includes(to)) return undefined
  return `but there is no arrow from ${from} to ${to}`
}

function coreSize(sources: ReadonlyMap<string, string>): string[] {
  const core = [...sources].filter(([file]) => folderOf(file) === 'core')
  const lines = core.reduce((sum, [, source]) => sum + codeLinesOf(source), 0)
  return lines > maxCoreLines ? [`core: ${lines} lines of code, at most ${maxCoreLines}`] : []
}

const folderOf = (file: string) => file.replace(/\.[jt]s$/, '').split('/')[0] ?? ''

const linesOf = (source: string) => source.split('\n').length - 1

const codeLinesOf = (source: string) =>
  withoutComments(source)
    .split('\n')
    .filter((line) => line.trim() !== '').length

const isBuiltin = (specifier: string) =>
  specifier.startsWith('node:') && builtinModules.includes(specifier.slice('node:'.length))

/** Blanks comments and template literals. Other strings stay: specifiers are strings. */
function withoutComments(source: string): string {
  const token = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\/.*|\/\*[^]*?\*\//g
  return source.replace(token, (text) => (/^['"]/.test(text) ? text : ''))
}

function importsOf(code: string): string[] {
  const statement =
    /^(?:import|export)\b[^;'"]*?\bfrom\s*['"]([^'"]+)['"]|^import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm
  return Array.from(code.matchAll(statement), ([, from, only, dynamic]) => from ?? only ?? dynamic ?? '')
}
