/**
 * Which rows a grid shows and in what order. While somebody works in it the order stands still: rows change in place, newcomers
 * wait to be let in, and a row that no longer fits the filter stays where it is until then.
 */
import { useCallback, useMemo, useRef, useState } from 'react'
import { type Collection, type Row, useRows } from './collection'

export interface Order {
  ids: readonly string[]
  /** Rows that fit and are not shown yet. */
  heldBack: number
  letIn(): void
}

interface Shown {
  key: string
  ids: readonly string[]
}

/** `key` names the question (filter, search): another question is answered at once, whoever is working. */
export function useOrder<Item extends Row>(
  collection: Collection<Item>,
  question: { key: string; fits(item: Item): boolean; compare(a: Item, b: Item): number; still: boolean },
): Order {
  const rows = useRows(collection)
  const shown = useRef<Shown>({ key: '', ids: [] })
  const [asked, setAsked] = useState(0)
  const letInAt = useRef(0)
  const { key, fits, compare, still } = question
  const order = useMemo(() => {
    const before = shown.current
    const fitting = rows.filter(fits)
    const frozen = still && before.key === key && letInAt.current === asked && before.ids.length > 0
    letInAt.current = asked
    const ids = frozen ? standing(before.ids, collection) : fitting.sort(compare).map((row) => row.urn)
    const known = new Set(ids)
    const stable = sameIds(before.ids, ids) ? before.ids : ids
    shown.current = { key, ids: stable }
    return { ids: stable, heldBack: frozen ? fitting.filter((row) => !known.has(row.urn)).length : 0 }
    // `fits` and `compare` belong to `key`
  }, [rows, key, still, asked, collection])
  const letIn = useCallback(() => setAsked((count) => count + 1), [])
  return { ...order, letIn }
}

const standing = <Item extends Row>(ids: readonly string[], collection: Collection<Item>): readonly string[] =>
  ids.every((urn) => collection.get(urn)) ? ids : ids.filter((urn) => collection.get(urn))

const sameIds = (one: readonly string[], other: readonly string[]): boolean => one.length === other.length && one.every((id, place) => id === other[place])
