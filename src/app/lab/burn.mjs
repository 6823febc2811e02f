/** Burns CPU for that many milliseconds. */
export function run({ milliseconds }) {
  const end = performance.now() + milliseconds
  while (performance.now() < end);
}
