import type { RefObject } from 'react'
import type { Action, Bindings } from '../keys/keyboard'
import type { Cursor } from '../live/cursor'
import type { Order } from '../live/order'

const page = 15 // rows a PageDown moves: less than the smallest screen shows, so the eye keeps its place

/** What every grid answers to. */
export function gridKeys(of: { cursor: Cursor; order: Order; frame: RefObject<HTMLElement | null>; searchId?: string; open?: Action }): Bindings {
  const { cursor, order, frame, searchId, open } = of
  const empty = order.ids.length === 0 ? 'There are no rows.' : null
  const moved = (run: () => void): Action => ({
    run: () => {
      frame.current?.focus({ preventScroll: true })
      run()
    },
    why: empty,
  })
  return {
    down: moved(() => cursor.step(1)),
    up: moved(() => cursor.step(-1)),
    'page down': moved(() => cursor.step(page)),
    'page up': moved(() => cursor.step(-page)),
    first: moved(() => cursor.edge('first')),
    last: moved(() => cursor.edge('last')),
    copy: { run: () => void navigator.clipboard?.writeText(cursor.at ?? ''), why: cursor.at ? null : 'Choose a row first, with j.' },
    ...(open ? { open } : {}),
    ...(searchId ? { search: { run: () => document.getElementById(searchId)?.focus() } } : {}),
    ...(order.heldBack > 0 ? { 'held back': { run: order.letIn, words: `Show ${order.heldBack} new` } } : {}),
  }
}
