import { afterCommit } from '../after-commit.js'
import { settings } from '../settings.js'
import { post } from '../tasks/post.js'

/** A course as the search index knows it. */
export interface IndexedCourse {
  requestId: string
  courseId: number
  title: string
  price: number
}

/**
 * Puts a course into the search index, once the transaction has committed.
 *
 * A closure instead of a defined task: shorter, and recorded like any other when it fails, but it cannot be run again
 * from its row. That is enough for an index, which can always be built again from the table of courses.
 */
export function indexCourseAsync(course: IndexedCourse): void {
  afterCommit('index-course', (context) => post(settings.urls.search, course, context))
}
