// Every ```ts block of README.md is type-checked as a module of a project that has the generated Prisma client of
// prisma/schema.prisma in ./generated/prisma/client.js.
//   - A block can use what an earlier block declares or imports at its top level.
//   - A block whose first line is `// file: prisma.ts` is that file: later blocks can import './prisma.js'.
//   - `<!-- ts … -->` right before a block is code in front of it that readers do not see, e.g. `declare const push: Push`.
// The first block is run on the embedded database, and must print the ```text block that follows it.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { modelOf } from './support/prisma-model.js'
import { outputOf, tsBlocks, typeErrors } from './support/readme.js'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

const fenced = (language: string, code: string) => `\`\`\`${language}\n${code}\n\`\`\`\n`

describe('README.md', () => {
  test('has TypeScript that compiles', async () => {
    const blocks = tsBlocks(readme)
    assert.notEqual(blocks.length, 0)
    assert.equal(await typeErrors(blocks), '')
  })

  test('shows first what really is printed', async () => {
    const [first] = tsBlocks(readme)
    assert.ok(first?.output, 'the first ts block is followed by a text block')
    assert.equal(await outputOf(first), first.output)
  })

  test('says on its first screen that a crash loses what is pending in memory', () => {
    const [firstScreen = ''] = readme.split('\n---\n')
    assert.match(firstScreen, /A SIGKILL or a crash loses what is pending in memory/)
  })

  test('states the range of Prisma versions that `watch` takes without a warning', () => {
    const source = readFileSync(new URL('../src/core/prisma-version.ts', import.meta.url), 'utf8')
    const [, range = 'no range'] = /tested is ([\d.]+ to [\d.]+)/.exec(source) ?? []
    assert.match(readme, new RegExp(`Prisma ${range.replaceAll('.', '\\.')}`))
  })

  test('shows the TaskFailure model of the schema', () => {
    const schema = readFileSync(new URL('../prisma/schema.prisma', import.meta.url), 'utf8')
    assert.deepEqual(modelOf(readme, 'TaskFailure'), modelOf(schema, 'TaskFailure'))
  })
})

describe('the check of README.md', () => {
  test('finds a type error, and says in which line the block starts', async () => {
    const errors = await typeErrors(tsBlocks(`# Title\n\n${fenced('ts', `const n: number = 'one'`)}`))
    assert.match(errors, /line-3\.ts\(1,7\): error TS2322/)
  })

  test('finds a wrong use of the package', async () => {
    const errors = await typeErrors(
      tsBlocks(
        fenced('ts', `import { createAfterCommit } from 'after-commit'\ncreateAfterCommit({ concurrency: 'ten' })`),
      ),
    )
    assert.match(errors, /error TS2322/)
  })

  test('knows what earlier blocks declare and import, and no more', async () => {
    const first = fenced(
      'ts',
      `import { resolve } from 'node:path'\ninterface Mail { to: string }\nconst mail: Mail = { to: 'ada' }`,
    )
    assert.equal(await typeErrors(tsBlocks(first + fenced('ts', `const other: Mail = mail\nresolve(other.to)`))), '')
    assert.match(await typeErrors(tsBlocks(fenced('ts', 'mail.to') + first)), /Cannot find name 'mail'/)
  })

  test('lets a block be a file and puts hidden code in front of one', async () => {
    const markdown =
      fenced('ts', `// file: push.ts\nexport const push = (to: string) => to`) +
      `<!-- ts\ndeclare const seller: string\n-->\n\n` +
      fenced('ts', `import { push } from './push.js'\npush(seller)`)
    assert.equal(await typeErrors(tsBlocks(markdown)), '')
    assert.match(await typeErrors(tsBlocks(markdown.replace('const seller: string', 'const seller: number'))), /TS2345/)
  })

  test('prints what a block prints', async () => {
    const [block] = tsBlocks(`${fenced('ts', `console.log('one')`)}\n${fenced('text', 'one')}`)
    assert.ok(block)
    assert.equal(await outputOf(block), block.output)
  })
})
