import { prisma } from '../after-commit.js'
import { indexCourseAsync } from '../clients/search.js'
import { ConflictError, NotFoundError } from '../errors.js'
import { requestId } from '../request-context.js'

/** A published course can be bought, and found: the search service is told about it. */
export async function publishCourse(courseId: number): Promise<{ courseId: number; publishedAt: Date }> {
  return prisma.$transaction(async (tx) => {
    const course = await tx.course.findUnique({ where: { id: courseId } })
    if (course === null) throw new NotFoundError(`There is no course ${courseId}`)

    const published = { requestId: requestId(), publishedAt: new Date() }
    const { count } = await tx.course.updateMany({ where: { id: courseId, publishedAt: null }, data: published })
    indexCourseAsync({ requestId: published.requestId, courseId, title: course.title, price: course.price })

    if (count === 0) throw new ConflictError(`Course ${courseId} is published already`)
    if ((await tx.lesson.count({ where: { courseId } })) === 0)
      throw new ConflictError(`Course ${courseId} has no lessons yet`)
    return { courseId, publishedAt: published.publishedAt }
  })
}
