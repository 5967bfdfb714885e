/**
 * A virtual list of rows for work by keyboard: one element has the focus and points at the row (`aria-activedescendant`), so a
 * row that scrolls away or changes never takes the focus with it. Focus and selection are URNs; the index is only looked up.
 */
import { type ReactNode, type RefObject, memo, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { useVirtualizer } from '@tanstack/react-virtual'
import { type Collection, type Row, useRow } from '../live/collection'
import css from './grid.module.css'

export interface Column<Item> {
  id: string
  head: ReactNode
  /** A CSS grid track: `72px`, `minmax(120px, 1fr)`. */
  track: string
  align?: 'end'
  /** Shown only when the grid is at least this wide, in px; the narrow screen keeps what decides. */
  from?: number
  cell(item: Item): ReactNode
}

export interface GridProps<Item extends Row> {
  label: string
  columns: ReadonlyArray<Column<Item>>
  collection: Collection<Item>
  ids: readonly string[]
  at: string | null
  selected?: ReadonlySet<string>
  /** A word for the row's look, as `mine` or `locked`; styled by `data-look`. */
  look?(item: Item): string | undefined
  name(item: Item): string
  onAt(urn: string): void
  onOpen?(urn: string): void
  onToggle?(urn: string): void
  empty: ReactNode
  frame: RefObject<HTMLDivElement | null>
}

const rowHeight = 32

export function Grid<Item extends Row>(props: GridProps<Item>) {
  const { ids, at, frame } = props
  const width = useWidth(frame)
  const columns = useMemo(() => props.columns.filter((column) => (column.from ?? 0) <= width), [props.columns, width])
  const rows = useVirtualizer({ count: ids.length, getScrollElement: () => frame.current, estimateSize: () => rowHeight, overscan: 12, getItemKey: (index) => ids[index]! })
  const index = at === null ? -1 : ids.indexOf(at)
  const shown = useRef<string | null>(null)
  useLayoutEffect(() => {
    if (index < 0 || shown.current === at) return
    shown.current = at
    rows.scrollToIndex(index, { align: 'auto' })
  }, [index, at, rows])
  useEffect(() => frame.current?.focus({ preventScroll: true }), [frame])
  const tracks = columns.map((column) => column.track).join(' ')
  return (
    <div className={css.grid} style={{ '--tracks': tracks } as React.CSSProperties}>
      <div className={css.head} aria-hidden="true">
        {columns.map((column) => (
          <span key={column.id} data-align={column.align}>
            {column.head}
          </span>
        ))}
      </div>
      <div
        ref={frame}
        className={css.frame}
        role="grid"
        tabIndex={0}
        data-region="grid"
        aria-label={props.label}
        aria-rowcount={ids.length}
        aria-colcount={columns.length}
        aria-multiselectable={props.selected ? true : undefined}
        aria-activedescendant={index >= 0 ? rowId(at!) : undefined}
      >
        {ids.length === 0 && <div className={css.empty}>{props.empty}</div>}
        <div role="rowgroup" style={{ height: rows.getTotalSize(), position: 'relative' }}>
          {rows.getVirtualItems().map((item) => {
            const urn = ids[item.index]!
            return <Line key={urn} {...props} columns={columns} urn={urn} place={item.index} top={item.start} focused={urn === at} chosen={props.selected?.has(urn) ?? false} />
          })}
        </div>
      </div>
    </div>
  )
}

/** The width of an element in steps, so that dragging a window does not draw every row at every pixel. */
function useWidth(frame: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(Infinity)
  useLayoutEffect(() => {
    const element = frame.current
    if (!element) return
    const measure = (): void => setWidth(Math.round(element.clientWidth / 20) * 20)
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    return () => observer.disconnect()
  }, [frame])
  return width
}

export const rowId = (urn: string): string => `row-${urn.replaceAll(/[^\w-]/g, '_')}`

interface LineProps<Item extends Row> extends GridProps<Item> {
  urn: string
  place: number
  top: number
  focused: boolean
  chosen: boolean
}

function LineOf<Item extends Row>({ urn, place, top, focused, chosen, columns, collection, look, name, onAt, onOpen, onToggle, selected }: LineProps<Item>) {
  const item = useRow(collection, urn)
  if (!item) return null
  const changes = collection.changesOf(urn)
  return (
    <div
      id={rowId(urn)}
      role="row"
      className={css.row}
      style={{ transform: `translateY(${top}px)` }}
      aria-rowindex={place + 1}
      aria-selected={selected ? chosen : undefined}
      aria-label={name(item)}
      data-focused={focused || undefined}
      data-chosen={chosen || undefined}
      data-look={look?.(item)}
      data-urn={urn}
      onClick={(event) => {
        if (onToggle && (event.ctrlKey || event.metaKey)) onToggle(urn)
        onAt(urn)
      }}
      onDoubleClick={() => onOpen?.(urn)}
    >
      {changes > 0 && <i key={changes} className={css.changed} />}
      {columns.map((column) => (
        <span key={column.id} role="gridcell" data-align={column.align} data-column={column.id}>
          {column.cell(item)}
        </span>
      ))}
    </div>
  )
}

/** Only what a line shows decides whether it renders again; a neighbour's focus does not. */
const Line = memo(LineOf, (old, next) => {
  const keys = ['urn', 'place', 'top', 'focused', 'chosen', 'columns', 'collection', 'look'] as const
  return keys.every((key) => old[key] === next[key])
}) as typeof LineOf
