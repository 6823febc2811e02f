import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Cleanup } from '../demo/cleanup.js'
import { createDemoDatabase, type DemoDatabase, serverUrl } from '../demo/demo-database.js'

const size = { users: 8, drafts: 1 }

/** Makes databases of the shop, one after the other; where they are files, in a folder that somebody else removes. */
export function createDatabases(folder: string): (cleanup: Cleanup) => Promise<DemoDatabase> {
  let made = 0
  let template: Promise<DemoDatabase> | undefined
  return async (cleanup) => {
    if (serverUrl() !== undefined) return await createDemoDatabase(folder, '', size, cleanup)
    // Migrating takes a second, a copy of a file nothing.
    template ??= createDemoDatabase(folder, 'template', size, cleanup)
    const { url, data } = await template
    const file = join(folder, `${++made}.db`)
    await copyFile(url.slice('file:'.length), file)
    return { url: `file:${file}`, data }
  }
}
