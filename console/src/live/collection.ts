/**
 * The rows of one feed: a normalised map, a subscriber set per row, one flush per animation frame.
 *
 * A row yields only to a newer one: pushes may be late, repeated or out of order, and a command's answer may overtake the push
 * that says the same. A row of the same version that arrives by the feed is taken when it differs, because some fields are
 * counted from elsewhere; a command's answer of the same version is not.
 */
import { useCallback, useSyncExternalStore } from 'react'

export interface Row {
  urn: string
  version: number
}

/** The newer of two pictures of one row; may be made of both, and is `old` itself when nothing changed. */
export type Merge<Item> = (old: Item, fresh: Item) => Item

export const byVersion = <Item extends Row>(old: Item, fresh: Item): Item => {
  if (fresh.version !== old.version) return fresh.version > old.version ? fresh : old
  return same(old, fresh) ? old : fresh
}

/** Structural equality of plain data, so that a repeated push leaves a row's identity alone and nothing renders. */
export function same(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false
  const keys = Object.keys(left)
  if (keys.length !== Object.keys(right).length) return false
  return keys.every((key) => same(left[key as never], right[key as never]))
}

const nextFrame = (flush: () => void): void => {
  // A hidden tab gets no frames; its map must still follow, or it would jump when shown.
  if (typeof document !== 'undefined' && !document.hidden) requestAnimationFrame(flush)
  else setTimeout(flush, 250)
}

export class Collection<Item extends Row> {
  private rows = new Map<string, Item>()
  private listed: readonly Item[] = []
  private readonly changes = new Map<string, number>()
  private readonly dirty = new Set<string>()
  private readonly rowListeners = new Map<string, Set<() => void>>()
  private readonly listListeners = new Set<() => void>()
  private scheduled = false

  constructor(private readonly merge: Merge<Item> = byVersion, private readonly schedule: (flush: () => void) => void = nextFrame) {}

  readonly get = (urn: string): Item | undefined => this.rows.get(urn)

  /** Every row, as of the last frame. */
  readonly all = (): readonly Item[] => this.listed

  /** How often a row has been changed by the feed since it was first seen; a mark on the row's edge follows it. */
  readonly changesOf = (urn: string): number => this.changes.get(urn) ?? 0

  /** Takes a batch of the feed. A snapshot is everything there is: rows it does not name are gone. */
  take(items: readonly Item[], snapshot: boolean): void {
    if (snapshot) {
      const kept = new Set(items.map((item) => item.urn))
      for (const urn of this.rows.keys()) {
        if (kept.has(urn)) continue
        this.rows.delete(urn)
        this.changes.delete(urn)
        this.touch(urn)
      }
    }
    for (const item of items) this.put(item, !snapshot)
    if (snapshot) this.touch('')
  }

  /** Takes what a command answered, when it is newer than what is shown. */
  learn(items: readonly Item[]): void {
    for (const item of items) {
      const old = this.rows.get(item.urn)
      if (old && item.version >= old.version) this.put(item, false)
    }
  }

  readonly subscribeRow = (urn: string, listener: () => void): (() => void) => {
    const listeners = this.rowListeners.get(urn) ?? new Set()
    this.rowListeners.set(urn, listeners.add(listener))
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0) this.rowListeners.delete(urn)
    }
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listListeners.add(listener)
    return () => this.listListeners.delete(listener)
  }

  private put(item: Item, pushed: boolean): void {
    const old = this.rows.get(item.urn)
    const next = old ? this.merge(old, item) : item
    if (next === old) return
    this.rows.set(item.urn, next)
    if (old && pushed) this.changes.set(item.urn, this.changesOf(item.urn) + 1)
    this.touch(item.urn)
  }

  private touch(urn: string): void {
    this.dirty.add(urn)
    if (this.scheduled) return
    this.scheduled = true
    this.schedule(this.flush)
  }

  private readonly flush = (): void => {
    this.scheduled = false
    const urns = [...this.dirty]
    this.dirty.clear()
    this.listed = [...this.rows.values()]
    for (const urn of urns) for (const listener of [...(this.rowListeners.get(urn) ?? [])]) listener()
    for (const listener of [...this.listListeners]) listener()
  }
}

export function useRow<Item extends Row>(collection: Collection<Item>, urn: string | null | undefined): Item | undefined {
  const subscribe = useCallback((listener: () => void) => (urn ? collection.subscribeRow(urn, listener) : () => undefined), [collection, urn])
  return useSyncExternalStore(subscribe, () => (urn ? collection.get(urn) : undefined))
}

export const useRows = <Item extends Row>(collection: Collection<Item>): readonly Item[] => useSyncExternalStore(collection.subscribe, collection.all)
