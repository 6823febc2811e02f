import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type PrismaClient, connect, isEmbedded, migrateDatabase } from '../database.js'
import { prepareDatabase } from '../prepare-database.js'
import { addSampleData } from '../sample-data.js'
import type { Goods, Rung } from './events.js'

/** A database for each rung, so that the same click finds the same shop on all of them. */
export interface Databases {
  readonly goods: Goods
  urlOf(rung: Rung): Promise<string>
}

const size = { users: 40, drafts: 12 }

/** Makes SQLite files in the folder; where `url` names PostgreSQL, all rungs share what is there. */
export async function prepareDatabases(url: string | undefined, folder: string): Promise<Databases> {
  if (url !== undefined && !isEmbedded(url)) {
    const goods = await withClient(url, async (prisma) => {
      await prepareDatabase(prisma, url)
      return await goodsOf(prisma)
    })
    return { goods, urlOf: () => Promise.resolve(url) }
  }
  const template = join(folder, 'template.db')
  await migrateDatabase(`file:${template}`)
  const goods = await withClient(`file:${template}`, async (prisma) => {
    await addSampleData(prisma, size)
    return await goodsOf(prisma)
  })
  return {
    goods,
    async urlOf(rung) {
      const file = join(folder, `${rung}.db`)
      await copyFile(template, file)
      // Who reads does not wait for who writes: there are several processes on it.
      await withClient(`file:${file}`, (prisma) => prisma.$queryRawUnsafe('PRAGMA journal_mode = WAL'))
      return `file:${file}`
    },
  }
}

async function withClient<R>(url: string, use: (prisma: PrismaClient) => Promise<R>): Promise<R> {
  const prisma = connect(url)
  try {
    return await use(prisma)
  } finally {
    await prisma.$disconnect()
  }
}

async function goodsOf(prisma: PrismaClient): Promise<Goods> {
  const users = await prisma.user.findMany({ where: { phone: { not: null } }, orderBy: { id: 'asc' }, take: 100 })
  const courses = await prisma.course.findMany({ include: { lessons: true }, orderBy: { id: 'asc' }, take: 200 })
  const idsOf = (which: (course: (typeof courses)[number]) => boolean) => courses.filter(which).map(({ id }) => id)
  const [first] = courses
  const learners = await prisma.enrollment.findMany({ where: { courseId: first?.id ?? 0 }, orderBy: { id: 'asc' } })
  return {
    emails: users.map(({ email }) => email),
    userIds: users.map(({ id }) => id),
    // Everybody is enrolled in the first one.
    courseIds: idsOf(({ publishedAt, seatsLeft }) => publishedAt !== null && seatsLeft >= 100).slice(1),
    soldOutIds: idsOf(({ publishedAt, seatsLeft }) => publishedAt !== null && seatsLeft === 0),
    draftIds: idsOf(({ publishedAt, lessons }) => publishedAt === null && lessons.length > 0),
    lessonId: first?.lessons.find(({ position }) => position === 1)?.id ?? 0,
    learnerIds: learners.map(({ userId }) => userId),
  }
}
