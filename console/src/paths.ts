/** Every address of the console. It holds screen, filter and focus, so a link shows a colleague the same view. */
import { Store } from './live/store'

export type Screen = 'board' | 'case' | 'hotels' | 'reviews' | 'partners'

export interface Place {
  screen: Screen
  /** The case of a Case screen. */
  urn: string | null
  airport: string | null
  filter: string | null
  search: string
  /** The row that has the focus. */
  at: string | null
}

const nowhere = { urn: null, airport: null, filter: null, search: '', at: null }

export const board = (over: Partial<Place> = {}): Place => ({ ...nowhere, screen: 'board', ...over })
export const caseOf = (urn: string, over: Partial<Place> = {}): Place => ({ ...nowhere, screen: 'case', urn, ...over })
export const hotels = (over: Partial<Place> = {}): Place => ({ ...nowhere, screen: 'hotels', ...over })
export const partners = (over: Partial<Place> = {}): Place => ({ ...nowhere, screen: 'partners', ...over })
export const reviews = (over: Partial<Place> = {}): Place => ({ ...nowhere, screen: 'reviews', ...over })

const roots: Record<Screen, string> = { board: '/', case: '/cases/', hotels: '/hotels', reviews: '/reviews', partners: '/partners' }

/** The address of a place. */
export function href(place: Place): string {
  const query = new URLSearchParams()
  for (const key of ['airport', 'filter', 'search', 'at'] as const) if (place[key]) query.set(key, place[key])
  const path = roots[place.screen] + (place.screen === 'case' ? encodeURIComponent(place.urn ?? '') : '')
  return query.size > 0 ? `${path}?${query}` : path
}

/** The place an address names; the board when it names none. */
export function parse(path: string, query: string): Place {
  const asked = new URLSearchParams(query)
  const over = { airport: asked.get('airport'), filter: asked.get('filter'), search: asked.get('search') ?? '', at: asked.get('at') }
  if (path.startsWith(roots.case)) return caseOf(decodeURIComponent(path.slice(roots.case.length)), over)
  if (path === roots.hotels) return hotels(over)
  if (path === roots.reviews) return reviews(over)
  if (path === roots.partners) return partners(over)
  return board(over)
}

/** Where this tab is. `go` makes a step the browser's Back undoes, `stay` only rewrites the address. */
export class Journey {
  readonly place: Store<Place>
  /** The board as it was left, so that Esc finds its filters and its row again. */
  private lastBoard = board()

  constructor() {
    this.place = new Store(parse(location.pathname, location.search))
    addEventListener('popstate', () => this.arrive(parse(location.pathname, location.search)))
  }

  go(place: Place): void {
    history.pushState(null, '', href(place))
    this.arrive(place)
  }

  stay(over: Partial<Place>): void {
    const place = { ...this.place.get(), ...over }
    history.replaceState(null, '', href(place))
    this.arrive(place)
  }

  home(): void {
    this.go(this.lastBoard)
  }

  private arrive(place: Place): void {
    if (place.screen === 'board') this.lastBoard = place
    this.place.set(place)
  }
}
