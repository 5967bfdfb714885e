/** The focus and the selection of a grid. Both hold URNs, so nothing that arrives or leaves can move them onto another row. */
import { useCallback, useMemo, useState } from 'react'

export interface Cursor {
  at: string | null
  selected: ReadonlySet<string>
  move(to: string | null): void
  step(rows: number): void
  edge(end: 'first' | 'last'): void
  /** Moves and takes what it passes into the selection. */
  extend(rows: 1 | -1): void
  toggle(urn: string): void
  select(urns: Iterable<string>): void
}

export function useCursor(ids: readonly string[], at: string | null, onMove: (urn: string | null) => void): Cursor {
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  const index = at === null ? -1 : ids.indexOf(at)
  const step = useCallback(
    (rows: number) => {
      if (ids.length === 0) return
      const next = index < 0 ? (rows > 0 ? 0 : ids.length - 1) : Math.min(ids.length - 1, Math.max(0, index + rows))
      onMove(ids[next]!)
    },
    [ids, index, onMove],
  )
  const toggle = useCallback((urn: string) => setSelected((old) => toggled(old, urn)), [])
  const extend = useCallback(
    (rows: 1 | -1) => {
      const here = ids[index]
      const next = ids[Math.min(ids.length - 1, Math.max(0, index + rows))]
      setSelected((old) => new Set([...old, ...(here ? [here] : []), ...(next ? [next] : [])]))
      step(rows)
    },
    [ids, index, step],
  )
  return useMemo(
    () => ({
      at, selected, move: onMove, step, extend, toggle,
      edge: (end) => onMove((end === 'first' ? ids[0] : ids.at(-1)) ?? null),
      select: (urns) => setSelected(new Set(urns)),
    }),
    [at, selected, onMove, step, extend, toggle, ids],
  )
}

function toggled(old: ReadonlySet<string>, urn: string): ReadonlySet<string> {
  const next = new Set(old)
  if (!next.delete(urn)) next.add(urn)
  return next
}
