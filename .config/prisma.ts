// Prisma's CLI reads this file: `npx prisma migrate deploy`, for the database that DATABASE_URL names.
import { defineConfig } from 'prisma/config'
import { datasource, inPrisma, schemaFile } from '../prisma/providers.js'

const { provider, url } = datasource(process.env['DATABASE_URL'])

export default defineConfig({
  schema: schemaFile(provider),
  migrations: { path: inPrisma('migrations', provider) },
  datasource: { url },
})
