import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { prefix } from './servers.js'

/** Files in a process, at most: one that hangs takes the others of its process with it. */
const most = 6
/** What belongs to a whole process: other processes, a namespace that slows everything down, what is open, who listens. */
const ofProcess = /child_process|relay-process|cls-hooked|getActiveResourcesInfo|listenerCount/

/**
 * The files to run: those that open databases share processes, because three Prisma clients with their query compilers take
 * longer to load than most of these files to run. All others, and a few files alone, have a process each.
 */
export function grouped(files: readonly string[]): string[] {
  const sources = new Map(files.map((file) => [file, readFileSync(file, 'utf8')]))
  const sharing = files.filter((file) => {
    const source = sources.get(file) ?? ''
    return source.includes('support/databases.js') && !ofProcess.test(source)
  })
  const count = Math.ceil(sharing.length / most)
  if (sharing.length <= most) return [...files]
  const folder = mkdtempSync(join(tmpdir(), `${prefix}groups-`)) // goes with the databases of the run
  const groups = Array.from({ length: count }, (_, group) => {
    const path = join(folder, `group-${group + 1}.test.mjs`)
    // In turn, since neighbours take about as long.
    const members = sharing.filter((_file, index) => index % count === group)
    writeFileSync(path, members.map((file) => `import ${JSON.stringify(pathToFileURL(file).href)}\n`).join(''))
    return path
  })
  return [...files.filter((file) => !sharing.includes(file)), ...groups]
}
