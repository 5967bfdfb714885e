/**
 * Every key of the console, in one table: handlers, the key bar, the `?` sheet and tooltips all read it, and a test forbids two
 * meanings for one key. A key does something only while a mounted part has bound it.
 */
export type Scope = 'everywhere' | 'grid' | 'board' | 'case' | 'reviews' | 'preview'

export interface Shortcut {
  id: string
  /** Chords: `j`, `Shift+J`, `Ctrl+Enter`, or two in a row: `g b`. The first is the one shown. */
  keys: readonly [string, ...string[]]
  scope: Scope
  words: string
  group: 'Move' | 'Work' | 'Go' | 'View'
  /** Shown in the key bar while bound. */
  bar?: true
}

const table = [
  { id: 'down', keys: ['j', 'ArrowDown'], scope: 'grid', words: 'Down', group: 'Move', bar: true },
  { id: 'up', keys: ['k', 'ArrowUp'], scope: 'grid', words: 'Up', group: 'Move', bar: true },
  { id: 'page down', keys: ['PageDown'], scope: 'grid', words: 'A page down', group: 'Move' },
  { id: 'page up', keys: ['PageUp'], scope: 'grid', words: 'A page up', group: 'Move' },
  { id: 'first', keys: ['Home'], scope: 'grid', words: 'First row', group: 'Move' },
  { id: 'last', keys: ['End'], scope: 'grid', words: 'Last row', group: 'Move' },
  { id: 'open', keys: ['Enter'], scope: 'grid', words: 'Open', group: 'Move', bar: true },
  { id: 'back', keys: ['Escape'], scope: 'everywhere', words: 'Back', group: 'Move', bar: true },
  { id: 'select', keys: ['Space'], scope: 'case', words: 'Select', group: 'Work', bar: true },
  { id: 'extend down', keys: ['Shift+J', 'Shift+ArrowDown'], scope: 'case', words: 'Select downwards', group: 'Work', bar: true },
  { id: 'extend up', keys: ['Shift+K', 'Shift+ArrowUp'], scope: 'case', words: 'Select upwards', group: 'Work' },
  { id: 'select all', keys: ['Ctrl+A'], scope: 'case', words: 'Select all workable', group: 'Work', bar: true },
  { id: 'claim', keys: ['c'], scope: 'case', words: 'Claim', group: 'Work', bar: true },
  { id: 'release', keys: ['r'], scope: 'case', words: 'Release', group: 'Work', bar: true },
  { id: 'issue', keys: ['v'], scope: 'case', words: 'Issue voucher', group: 'Work', bar: true },
  { id: 'claim review', keys: ['c'], scope: 'reviews', words: 'Claim', group: 'Work', bar: true },
  { id: 'resolve review', keys: ['x'], scope: 'reviews', words: 'Resolve', group: 'Work', bar: true },
  { id: 'timeline', keys: ['t'], scope: 'case', words: 'Timeline', group: 'View', bar: true },
  { id: 'copy', keys: ['y'], scope: 'grid', words: 'Copy URN', group: 'Work' },
  { id: 'send', keys: ['Ctrl+Enter'], scope: 'preview', words: 'Send', group: 'Work', bar: true },
  { id: 'search', keys: ['/'], scope: 'grid', words: 'Search', group: 'View', bar: true },
  { id: 'held back', keys: ['.'], scope: 'grid', words: 'Show held-back rows', group: 'View', bar: true },
  { id: 'regions', keys: ['F6'], scope: 'everywhere', words: 'Next region', group: 'View' },
  { id: 'keys', keys: ['?'], scope: 'everywhere', words: 'All keys', group: 'View', bar: true },
  { id: 'go board', keys: ['g b'], scope: 'everywhere', words: 'Board', group: 'Go' },
  { id: 'go hotels', keys: ['g h'], scope: 'everywhere', words: 'Hotels', group: 'Go' },
  { id: 'go reviews', keys: ['g r'], scope: 'everywhere', words: 'Review', group: 'Go' },
  { id: 'go partners', keys: ['g p'], scope: 'everywhere', words: 'Partners', group: 'Go' },
  { id: 'go locks', keys: ['g l'], scope: 'everywhere', words: 'My next lock', group: 'Go' },
  ...Array.from({ length: 9 }, (_, place) => filter(place + 1)),
] as const

function filter<Place extends number>(place: Place) {
  return { id: `filter ${place}` as const, keys: [String(place)] as [string], scope: 'grid', words: `Filter ${place}`, group: 'View' } as const
}

export type KeyId = (typeof table)[number]['id'] | `filter ${number}`

export const registry: readonly (Shortcut & { id: KeyId })[] = table

/** Whether two scopes may be live at once; a preview takes the keyboard for itself. */
export function meet(one: Scope, other: Scope): boolean {
  if (one === other || one === 'everywhere' || other === 'everywhere') return true
  const pair = new Set([one, other])
  return pair.has('grid') && !pair.has('preview')
}

export const shortcut = (id: KeyId): Shortcut => registry.find((one) => one.id === id)!
