/** Milliseconds since 1970, with fractions: comparable between processes of a machine, and finer than `Date.now()`. */
export const clock = (): number => performance.timeOrigin + performance.now()
