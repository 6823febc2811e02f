/** The lines of a model, without comments, alignment and MySQL's column types. */
export function modelOf(schema: string, name: string): string[] {
  const body = new RegExp(`^model ${name} \\{\\n([^}]*)^\\}`, 'm').exec(schema)?.[1]
  if (body === undefined) throw new Error(`No model ${name}`)
  return body
    .split('\n')
    .map((line) =>
      line
        .replace(/\/\/.*/, '')
        .replace(/\s+/g, ' ')
        .trim(),
    )
    .filter((line) => line !== '')
}
