/** Whether the promise is fulfilled within `ms` milliseconds; a rejection is a no. */
export async function within(ms: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const expired = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, ms, false)
  })
  const fulfilled = promise.then(
    () => true,
    () => false,
  )
  const answer = await Promise.race([fulfilled, expired])
  clearTimeout(timer)
  return answer
}
