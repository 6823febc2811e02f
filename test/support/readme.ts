import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { PrismaLibSql } from '@prisma/adapter-libsql'
import { migrate } from '../../prisma/migrate.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const runFile = promisify(execFile)

export interface Block {
  /** `line-12` for the block that starts in line 12, or the name in its first line, `// file: prisma.ts`. */
  readonly name: string
  readonly code: string
  /** The ```text block that follows it. */
  readonly output: string | undefined
}

export function tsBlocks(markdown: string): Block[] {
  const fence =
    /(?:<!-- ts\n(?<hidden>(?:(?!-->)[^])*)-->\s*)?^```ts\n(?<code>[^]*?)^```$(?:\s*^```text\n(?<output>[^]*?)^```$)?/gm
  return Array.from(markdown.matchAll(fence), (match) => {
    const { hidden = '', code = '', output } = match.groups ?? {}
    const before = markdown.slice(0, match.index + match[0].indexOf('```ts'))
    const file = /^\/\/ file: (\S+)\.ts$/m.exec(code)?.[1]
    return { name: file ?? `line-${before.split('\n').length}`, code: hidden + code, output }
  })
}

/** Writes the blocks as modules. Each can use what the ones before it declare or import at their top level. */
function modulesOf(blocks: readonly Block[]): Map<string, string> {
  const modules = new Map<string, string>()
  const known = new Map<string, string>()
  for (const { name, code } of blocks) {
    const declared = declarationsOf(code)
    const imported = importsOf(code)
    const missing = [...known].filter(
      ([word]) => !declared.has(word) && !imported.has(word) && new RegExp(`\\b${word}\\b`).test(code),
    )
    const exported = [...declared].filter(([word]) => !new RegExp(`^export .*\\b${word}\\b`, 'm').test(code))
    const exports = exported.map(([word, kind]) => `export ${kind}{ ${word} }`)
    // In one line each, at the end: the lines of the block keep their numbers.
    modules.set(
      `${name}.ts`,
      [code, ...missing.map(([, statement]) => statement), ...exports, 'export {}', ''].join('\n'),
    )

    for (const [word, kind] of declared) known.set(word, `import ${kind}{ ${word} } from './${name}.js'`)
    for (const [word, statement] of imported) known.set(word, statement)
  }
  return modules
}

/** The name of each declaration at the top level, with `type ` if it is none at run time. */
function declarationsOf(code: string): Map<string, 'type ' | ''> {
  const declaration = /^(?:export )?(?:declare )?(const|let|class|(?:async )?function|type|interface) (\w+)/gm
  return new Map(
    Array.from(code.matchAll(declaration), ([, kind, word = '']) => [
      word,
      kind === 'type' || kind === 'interface' ? 'type ' : '',
    ]),
  )
}

function importsOf(code: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const [, onlyTypes = '', name, list = '', from] of code.matchAll(
    /^import (type )?(?:(\w+)(?:, )?)?(?:\{([^}]*)\})? ?from ('[^']+')/gm,
  )) {
    if (name !== undefined) found.set(name, `import ${onlyTypes}${name} from ${from}`)
    for (const part of list.split(',').map((each) => each.trim())) {
      if (part !== '') found.set(part.split(' ').at(-1) ?? part, `import ${onlyTypes}{ ${part} } from ${from}`)
    }
  }
  return found
}

/** Gives a folder inside the package, so that the blocks can import 'after-commit', with what a reader's project has. */
async function inProject<T>(blocks: readonly Block[], use: (folder: string) => Promise<T>): Promise<T> {
  await mkdir(join(root, '.scratch'), { recursive: true })
  const folder = await mkdtemp(join(root, '.scratch/readme-'))
  try {
    await mkdir(join(folder, 'generated/prisma'), { recursive: true })
    const client = `export * from '../../../../prisma/client/sqlite/client.js'\n`
    await writeFile(join(folder, 'generated/prisma/client.ts'), client)
    await writeFile(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: '../../tsconfig.json',
        // A few lines of an application do not use all that they show.
        compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
        include: ['*.ts'],
      }),
    )
    for (const [file, code] of modulesOf(blocks)) await writeFile(join(folder, file), code)
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** What TypeScript says about the blocks: '' when it agrees. */
export function typeErrors(blocks: readonly Block[]): Promise<string> {
  return inProject(blocks, async (folder) => {
    const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
    try {
      await runFile(process.execPath, [tsc, '--project', folder, '--pretty', 'false'], { cwd: folder })
      return ''
    } catch (error) {
      return error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error)
    }
  })
}

/** Runs a block where its databases (`file:….db`) exist and have the tables. Returns what it prints. */
export function outputOf(block: Block): Promise<string> {
  return inProject([block], async (folder) => {
    for (const [, database = ''] of block.code.matchAll(/'file:([^']+)'/g)) {
      await migrate(new PrismaLibSql({ url: `file:${join(folder, database)}` }))
    }
    const { stdout } = await runFile(
      process.execPath,
      ['--conditions=source', '--import', import.meta.resolve('tsx'), `${block.name}.ts`],
      { cwd: folder, timeout: 30_000 },
    )
    return stdout
  })
}
