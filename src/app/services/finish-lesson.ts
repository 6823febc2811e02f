import { prisma } from '../after-commit.js'
import { ConflictError, NotFoundError } from '../errors.js'
import { conflictIfTaken } from '../unique.js'
import type { Transaction } from '../database.js'
import { earnPoints } from './earn-points.js'

/** A finished lesson earns points, once, and only in the order of the course. */
export async function finishLesson(userId: number, lessonId: number): Promise<{ finishedLessonId: number }> {
  return prisma.$transaction(async (tx) => {
    const lesson = await tx.lesson.findUnique({ where: { id: lessonId } })
    if (lesson === null) throw new NotFoundError(`There is no lesson ${lessonId}`)
    const enrollment = await tx.enrollment.findUnique({
      where: { userId_courseId: { userId, courseId: lesson.courseId } },
    })
    if (enrollment === null) throw new NotFoundError(`User ${userId} is not enrolled in course ${lesson.courseId}`)

    await earnPoints(tx, userId, 5, `finished lesson ${lessonId}`)
    const finished = await tx.finishedLesson
      .create({ data: { enrollmentId: enrollment.id, lessonId } })
      .catch(conflictIfTaken(`Lesson ${lessonId} is finished already`))
    // Too late to take the points back? No: nobody has been told about them.
    await expectEarlierLessonsFinished(tx, enrollment.id, lesson)
    return { finishedLessonId: finished.id }
  })
}

async function expectEarlierLessonsFinished(
  tx: Transaction,
  enrollmentId: number,
  lesson: { courseId: number; position: number },
): Promise<void> {
  const open = await tx.lesson.findFirst({
    where: { courseId: lesson.courseId, position: { lt: lesson.position }, finished: { none: { enrollmentId } } },
    orderBy: { position: 'asc' },
  })
  if (open !== null) throw new ConflictError(`Lesson ${open.id} of the course comes first`)
}
