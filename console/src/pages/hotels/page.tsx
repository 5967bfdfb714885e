import { useEffect, useMemo, useRef } from 'react'
import { useKeys } from '../../keys/keyboard'
import { Collection, useRow, useRows } from '../../live/collection'
import { useCursor } from '../../live/cursor'
import { Feed } from '../../live/feed'
import { useOrder } from '../../live/order'
import { useStore } from '../../live/store'
import { useNexa } from '../../parts/context'
import { useEngaged } from '../../parts/engaged'
import { Figures } from '../../parts/figures'
import { gridKeys } from '../../parts/grid-keys'
import { Choices, Facts, HeldBack, Inspector, Search, Section, Toolbar, Workspace } from '../../parts/workspace'
import type { Place } from '../../paths'
import { type Column, Grid } from '../../ui/grid'
import { Age, day } from '../../ui/time'
import { type HoldRow, type HotelHoldsData, hotelHolds } from './hotels'
import css from './hotels.module.css'

const columns: ReadonlyArray<Column<HoldRow>> = [
  { id: 'hotel', head: 'Hotel', track: 'minmax(160px, 1.4fr)', cell: (row) => <b className={css.name}>{row.hotelName}</b> },
  { id: 'room', head: 'Room', track: 'minmax(110px, .8fr)', cell: (row) => <span className={css.soft}>{row.roomType}</span> },
  { id: 'night', head: 'Night', track: '64px', cell: (row) => day(row.night) },
  { id: 'capacity', head: 'Confirmed, held, free', track: 'minmax(160px, 1.6fr)', cell: (row) => <Capacity row={row} /> },
  { id: 'confirmed', head: 'Confirmed', track: '72px', align: 'end', cell: (row) => row.confirmed },
  { id: 'held', head: 'Held', track: '48px', align: 'end', cell: (row) => row.held },
  { id: 'free', head: 'Free', track: '48px', align: 'end', cell: (row) => <b data-few={row.free < 3 || undefined} className={css.free}>{row.free}</b> },
  { id: 'expiry', head: 'Next hold ends', track: '96px', align: 'end', cell: (row) => (row.nearestExpiry ? <Until at={row.nearestExpiry} /> : <span className={css.none}>none</span>) },
]

const Until = ({ at }: { at: string }) => <Age since={new Date(2 * Date.now() - Date.parse(at)).toISOString()} />

function Capacity({ row }: { row: HoldRow }) {
  return (
    <span className={css.capacity} role="img" aria-label={`${row.confirmed} confirmed, ${row.held} held, ${row.free} free of ${row.reported} reported`}>
      <i data-part="confirmed" style={{ flexGrow: row.confirmed }} />
      <i data-part="held" style={{ flexGrow: row.held }} />
      <i data-part="free" style={{ flexGrow: row.free }} />
    </span>
  )
}

function useHolds(airport: string | null): Collection<HoldRow> {
  const { floor } = useNexa()
  const rows = useMemo(() => new Collection<HoldRow>(), [airport])
  useEffect(() => {
    if (!airport) return
    const feed = new Feed<HotelHoldsData, HotelHoldsData['holdCounts']>(floor.link, hotelHolds as never, { airport }, (data) => data.holdCounts, (batch) => rows.take(batch.items, batch.snapshot))
    return () => feed.close()
  }, [floor, rows, airport])
  return rows
}

/** How much of which hotel is left tonight: live holds plus confirmed rooms against what the partner last reported. */
export function HotelsPage({ place }: { place: Place }) {
  const { floor, journey } = useNexa()
  const frame = useRef<HTMLDivElement>(null)
  const viewer = useStore(floor.viewer)
  const cases = useRows(floor.cases)
  const airports = useMemo(() => [...new Set([...(viewer?.airports ?? []), ...cases.map((row) => row.airport)])].sort(), [viewer, cases])
  const airport = place.airport ?? airports[0] ?? null
  const rows = useHolds(airport)
  const all = useRows(rows)
  const needle = place.search.trim().toLowerCase()
  const engaged = useEngaged(frame, place.at !== null)
  const order = useOrder(rows, { key: `${airport}|${needle}`, fits: (row) => row.hotelName.toLowerCase().includes(needle), compare: byScarcity, still: engaged })
  const cursor = useCursor(order.ids, place.at, (at) => journey.stay({ at }))
  useKeys({
    ...gridKeys({ cursor, order, frame, searchId: 'search' }),
    ...Object.fromEntries(airports.slice(0, 9).map((code, index) => [`filter ${index + 1}`, { run: () => journey.stay({ airport: code }) }])),
    back: { run: () => (place.at ? journey.stay({ at: null }) : journey.home()), words: place.at ? 'Let go' : 'Board' },
  })
  const sum = (of: (row: HoldRow) => number): string => all.reduce((total, row) => total + of(row), 0).toLocaleString('en')
  return (
    <Workspace
      figures={
        <Figures
          figures={[
            { words: 'Hotels', value: new Set(all.map((row) => row.hotel)).size },
            { words: 'Room nights confirmed', value: sum((row) => row.confirmed) },
            { words: 'Held now', value: sum((row) => row.held) },
            { words: 'Free as reported', value: sum((row) => row.free) },
          ]}
        />
      }
      toolbar={
        <Toolbar>
          <h1>Hotels</h1>
          <Choices label="Airport" digits chosen={airport} onChoose={(code) => journey.stay({ airport: code })} choices={airports.map((code) => ({ id: code, words: code }))} />
          <HeldBack count={order.heldBack} onShow={order.letIn} />
          <Search id="search" value={place.search} placeholder="Hotel" onChange={(search) => journey.stay({ search })} onLeave={() => frame.current?.focus()} />
        </Toolbar>
      }
      inspector={<HoldInspector rows={rows} urn={place.at} />}
    >
      <Grid label={`Rooms near ${airport ?? ''}`} columns={columns} collection={rows} ids={order.ids} at={place.at} frame={frame} name={(row) => `${row.hotelName}, ${row.free} free`} onAt={cursor.move} empty="No rooms have been asked for here yet." />
    </Workspace>
  )
}

/** The fewest free rooms first. */
const byScarcity = (one: HoldRow, other: HoldRow): number =>
  one.night.localeCompare(other.night) || one.free - other.free || one.hotelName.localeCompare(other.hotelName) || one.urn.localeCompare(other.urn)

function HoldInspector({ rows, urn }: { rows: Collection<HoldRow>; urn: string | null }) {
  const row = useRow(rows, urn)
  return (
    <Inspector label="Rooms">
      {row ? (
        <>
          <header>
            <h2>{row.hotelName}</h2>
            <p>
              {row.roomType}, {day(row.night)}
            </p>
          </header>
          <Section title="Rooms">
            <Capacity row={row} />
            <div style={{ height: 10 }} />
            <Facts
              facts={[
                ['Confirmed', row.confirmed],
                ['Held', row.nearestExpiry ? <>{row.held}, the next ends in <Until at={row.nearestExpiry} /></> : row.held],
                ['Free', row.free],
                ['Reported', `${row.reported} by the partner`],
              ]}
            />
          </Section>
        </>
      ) : (
        <Section title="Nothing chosen">
          <p className={css.soft}>A hold keeps us from stampeding; the hotel's own answer is the truth.</p>
        </Section>
      )}
    </Inspector>
  )
}
