// What the buttons send. The same number of a click asks for the same thing on every rung.
import type { Goods } from '../events.js'

export const useCases = ['login', 'order', 'soldOut', 'lesson', 'publish', 'code'] as const
export type UseCase = (typeof useCases)[number]

export interface ShopRequest {
  readonly path: string
  readonly body: object
}

/** @param count How many of its kind there were before. */
export function requestFor(useCase: UseCase, goods: Goods, count: number): ShopRequest {
  const turn = <T>(list: readonly T[], index = count): T | undefined => list[index % Math.max(1, list.length)]
  switch (useCase) {
    case 'login':
      return { path: '/logins', body: { email: turn(goods.emails) ?? '' } }
    case 'order': {
      const courseId = turn(goods.courseIds, Math.floor(count / Math.max(1, goods.userIds.length))) ?? 0
      return { path: '/orders', body: { buyerId: turn(goods.userIds) ?? 0, courseId } }
    }
    case 'soldOut':
      return { path: '/orders', body: { buyerId: turn(goods.userIds) ?? 0, courseId: goods.soldOutIds[0] ?? 0 } }
    case 'lesson':
      return { path: '/finished-lessons', body: { userId: turn(goods.learnerIds) ?? 0, lessonId: goods.lessonId } }
    case 'publish':
      return { path: `/courses/${turn(goods.draftIds) ?? 0}/publication`, body: {} }
    default:
      return { path: '/verification-codes', body: { userId: turn(goods.userIds) ?? 0 } }
  }
}

/** Which text a path is shown with. */
export function useCaseOf(path: string): Exclude<UseCase, 'soldOut'> | 'retry' | 'other' {
  if (path.startsWith('/logins')) return 'login'
  if (path.startsWith('/orders')) return 'order'
  if (path.startsWith('/finished-lessons')) return 'lesson'
  if (path.startsWith('/courses')) return 'publish'
  if (path.startsWith('/verification-codes')) return 'code'
  return /^\/(failures|dashboard)\/.*retr/.test(path) ? 'retry' : 'other'
}
