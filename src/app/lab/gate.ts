/** What waits at `opened` goes on when somebody calls `open`. */
export interface Gate {
  readonly opened: Promise<void>
  readonly open: () => void
}

/** A gate that is closed. */
export function createGate(): Gate {
  let open!: () => void
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open }
}
