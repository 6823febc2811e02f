// The arrows between the folders of src/, and how its files are written.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { violations } from './support/architecture.js'

const lines = (count: number) => '//\n'.repeat(count)
const src = fileURLToPath(new URL('../src', import.meta.url))

test('src follows the design', () => {
  assert.deepEqual(violations(src), [])
})

describe('the check of the design', () => {
  finds('accepts what the design allows', {
    'index.ts': `export * from './core/pool.js'`,
    'core/pool.ts': `import PQueue from 'p-queue'\nimport { on } from 'node:events'\nimport type { A } from './a.js'\n`,
    'core/a.ts': `// import x from 'pg'\n/* export default 1 */\nexport const text = \`\nimport x from 'pg'\`\nexport interface A {}`,
    'outbox/relay.ts': `import { a } from '../core/a.js'`,
    'transports/kafka.ts': `import { relay } from '../outbox/relay.js'\nimport 'kafkajs'`,
    'app/app.ts': `import { pool } from 'after-commit'\nimport { PrismaClient } from '../../prisma/client/sqlite/client.js'`,
  })
  finds(
    'finds an import of core from outside',
    { 'core/a.ts': `import { b } from '../outbox/b.js'` },
    /from core to outbox/,
  )
  finds(
    'finds an import over several lines',
    { 'core/a.ts': `import {\n  b,\n} from '../app/b.js'` },
    /from core to app/,
  )
  finds('finds an import of types', { 'core/a.ts': `import type { B } from '../app/b.js'` }, /from core to app/)
  finds('finds an import at run time', { 'core/a.ts': `const b = await import('../app/b.js')` }, /from core to app/)
  finds('finds an import for its effects', { 'core/a.ts': `import '../app/b.js'` }, /from core to app/)
  finds('finds a re-export', { 'core/a.ts': `export * from '../app/b.js'` }, /from core to app/)
  finds('finds an import between neighbours', { 'metrics/a.ts': `import '../express/b.js'` }, /from metrics to express/)
  finds('finds an import against the arrow', { 'outbox/a.ts': `import '../cdc/b.js'` }, /from outbox to cdc/)
  finds('finds an import of the app', { 'cli/a.ts': `import '../app/b.js'` }, /from cli to app/)
  finds('finds an import of the tests', { 'app/a.ts': `import '../../test/b.js'` }, /nothing imports the tests/)
  finds('finds an import from outside src', { 'core/a.ts': `import '../../prisma/b.js'` }, /outside src/)
  finds(
    'finds an import of core by the name of the package',
    { 'core/a.ts': `import 'after-commit'` },
    /from core to index/,
  )
  finds(
    'finds a package that core must not need',
    { 'core/a.ts': `import type { P } from '@prisma/client'` },
    /p-queue and p-retry only/,
  )
  finds('finds a builtin without node:', { 'core/a.ts': `import { on } from 'events'` }, /p-queue and p-retry only/)
  finds(
    'finds a specifier without .js in core',
    { 'core/a.ts': `import './b.ts'\nimport './c'` },
    /b\.ts.*\.js/,
    /\.\/c.*\.js/,
  )
  finds(
    'finds a default export',
    { 'app/a.ts': `export default 1`, 'app/b.ts': `export { x as default }` },
    /default/,
    /default/,
  )
  finds('finds an enum', { 'app/a.ts': `enum A {}`, 'app/b.ts': `export const enum B {}` }, /enum/, /enum/)
  finds(
    'finds a namespace',
    { 'app/a.ts': `declare namespace A {}`, 'app/b.ts': `export namespace B {}` },
    /namespace/,
    /namespace/,
  )
  finds('finds a folder that is not in the design', { 'utils/a.ts': '' }, /no folder utils/)
  finds('finds a long file', { 'app/a.ts': lines(250), 'app/b.ts': lines(251) }, /b\.ts: 251 lines/)
  finds(
    'finds a core that is too long',
    {
      ...Object.fromEntries(Array.from({ length: 28 }, (_, index) => [`core/${index}.ts`, 'x\n'.repeat(100)])),
      'core/last.ts': '// y\n\n/* z\n */\nx\n',
    },
    /core: 2801 lines/,
  )
})

function finds(title: string, files: Record<string, string>, ...expected: RegExp[]): void {
  test(title, () => {
    const folder = mkdtempSync(join(tmpdir(), 'after-commit-'))
    try {
      for (const [file, code] of Object.entries(files)) {
        const path = resolve(folder, 'src', file)
        mkdirSync(dirname(path), { recursive: true })
        writeFileSync(path, code)
      }
      const found = violations(join(folder, 'src'))
      assert.equal(found.length, expected.length, found.join('\n'))
      expected.forEach((pattern, index) => assert.match(found[index] ?? '', pattern))
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
}
