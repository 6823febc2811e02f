// Generates one Prisma client per database into prisma/client/<provider>/. Does nothing where the client is up to date.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { inPrisma, providers, schemaFile, type Provider } from './providers.js'

const require = createRequire(import.meta.url)

function upToDate(provider: Provider, fingerprint: string): boolean {
  const stamp = inPrisma('client', `${provider}.sha256`)
  return (
    existsSync(stamp) &&
    readFileSync(stamp, 'utf8') === fingerprint &&
    existsSync(inPrisma('client', provider, 'client.ts'))
  )
}

function fingerprintOf(schema: string): string {
  const hash = createHash('sha256')
  for (const file of [schema, fileURLToPath(import.meta.url), require.resolve('prisma/package.json')]) {
    hash.update(readFileSync(file))
  }
  return hash.digest('hex')
}

for (const provider of providers) {
  const schema = schemaFile(provider)
  const fingerprint = fingerprintOf(schema)
  if (upToDate(provider, fingerprint)) continue

  console.log(`Generating the Prisma client for ${provider}`)
  // A file of a model that is gone must not stay.
  rmSync(inPrisma('client', provider), { recursive: true, force: true })
  const prisma = require.resolve('prisma/build/index.js')
  execFileSync(process.execPath, [prisma, 'generate', '--no-hints', '--schema', schema], {
    stdio: ['ignore', 'ignore', 'pipe'], // what goes wrong is in the error that execFileSync throws
    env: {
      // Prisma downloads its schema engine before any command, but `generate` never starts it. With a path in this
      // variable it downloads nothing, so that this works where only a package registry can be reached.
      PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
      CHECKPOINT_DISABLE: '1',
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
      ...process.env,
      DATABASE_URL: '', // only the schema counts here, whatever database the caller has in mind
    },
  })
  writeFileSync(inPrisma('client', `${provider}.sha256`), fingerprint)
}
