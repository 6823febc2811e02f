import type { PrismaClient } from './database.js'

/** What there is to send requests about. */
export interface SampleData {
  users: { id: number; email: string }[]
  /** Published, with seats left; every user but the authors is enrolled in the first of them. */
  courses: { id: number; lessonIds: number[] }[]
  /** Published, with two seats. */
  nearlySoldOut: { id: number }[]
  /** Published, without a seat. */
  soldOut: { id: number }[]
  /** Not published yet. */
  drafts: { id: number }[]
  /** Not published, and without a lesson. */
  emptyDrafts: { id: number }[]
}

const firstNames = ['Ada', 'Ben', 'Chen', 'Dina', 'Emil', 'Fatou', 'Goran', 'Hana']
const titles = ['SQL for cooks', 'Bread at home', 'Chess openings', 'A garden on a roof']

/** Fills an empty database. The same size gives the same rows, ids included. */
export async function addSampleData(prisma: PrismaClient, size = { users: 8, drafts: 2 }): Promise<SampleData> {
  const names = Array.from(
    { length: size.users },
    (_, index) => `${firstNames[index % firstNames.length]} ${index + 1}`,
  )
  await prisma.user.createMany({
    data: names.map((name, index) => ({
      name,
      email: `${name.toLowerCase().replace(' ', '')}@shop.example`,
      phone: `+1555${String(index + 1).padStart(7, '0')}`,
    })),
  })
  const users = await prisma.user.findMany({ select: { id: true, email: true }, orderBy: { id: 'asc' } })
  const author = users[0]
  if (author === undefined) throw new Error('Expected at least one user')

  const addCourse = async (title: string, lessons: number, more: { seatsLeft?: number; publishedAt?: Date } = {}) => {
    const positions = Array.from({ length: lessons }, (_, index) => index + 1)
    const course = await prisma.course.create({
      data: {
        title,
        price: 40,
        authorId: author.id,
        ...more,
        lessons: { create: positions.map((position) => ({ title: `Lesson ${position}`, position })) },
      },
      include: { lessons: { orderBy: { position: 'asc' } } },
    })
    return { id: course.id, lessonIds: course.lessons.map((lesson) => lesson.id) }
  }

  const publishedAt = new Date()
  const data: SampleData = { users, courses: [], nearlySoldOut: [], soldOut: [], drafts: [], emptyDrafts: [] }
  for (const title of titles) data.courses.push(await addCourse(title, 4, { publishedAt, seatsLeft: 10_000 }))
  for (const title of titles) {
    data.nearlySoldOut.push(await addCourse(`${title}, with the author`, 1, { publishedAt, seatsLeft: 2 }))
  }
  for (let number = 1; number <= size.drafts; number++) {
    data.drafts.push(await addCourse(`Draft ${number}`, 2))
    if (number % 3 === 1) data.emptyDrafts.push(await addCourse(`Empty draft ${number}`, 0))
  }
  data.soldOut.push(await addCourse('Knife skills', 1, { publishedAt, seatsLeft: 0 }))
  const [first] = data.courses
  if (first !== undefined) {
    await prisma.enrollment.createMany({ data: users.slice(1).map(({ id }) => ({ userId: id, courseId: first.id })) })
  }
  return data
}
